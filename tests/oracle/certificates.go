package main

import (
	"crypto/x509"
	"encoding/pem"
	"time"
)

func readPEM(asked question) (answer, error) {
	blocks := []answer{}
	for rest := asked.Text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return answer{"blocks": blocks}, nil
		}
		blocks = append(blocks, answer{"label": block.Type, "der": block.Bytes})
	}
}

func readCertificate(asked question) (answer, error) {
	found, err := x509.ParseCertificate(asked.DER)
	if err != nil {
		return nil, err
	}
	return answer{"is_ca": found.IsCA, "names": found.DNSNames}, nil
}

// verify judges the first of the chain as a client does that trusts the roots and nothing else.
func verify(asked question) (answer, error) {
	options := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   time.Unix(asked.Time, 0),
		DNSName:       asked.Name,
	}
	for _, der := range asked.Roots {
		root, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		options.Roots.AddCert(root)
	}
	var leaf *x509.Certificate
	for number, der := range asked.Chain {
		found, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		if number == 0 {
			leaf = found
		} else {
			options.Intermediates.AddCert(found)
		}
	}
	chains, err := leaf.Verify(options)
	if err != nil {
		return nil, err
	}
	return answer{"length": len(chains[0])}, nil
}
