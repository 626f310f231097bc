// The oracle answers what the real consumers of an answer make of it: Go's own certificate reader and verifier, which
// every pod of TMC-SM runs, and the libraries that kapp-controller, Pinniped and imgpkg are built from.
// One JSON object a line in, one out.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// A question; which of its fields count depends on Op.
type question struct {
	Op          string   `json:"op"`
	Text        []byte   `json:"text"`
	DER         []byte   `json:"der"`
	Chain       [][]byte `json:"chain"`
	Roots       [][]byte `json:"roots"`
	Time        int64    `json:"time"`
	Name        string   `json:"name"`
	Headers     []string `json:"headers"`
	Issuer      string   `json:"issuer"`
	Status      int      `json:"status"`
	ContentType string   `json:"content_type"`
}

// An answer: what was made of it, or why nothing was.
type answer map[string]any

var operations = map[string]func(question) (answer, error){
	"pem":         readPEM,
	"certificate": readCertificate,
	"verify":      verify,
	"challenge":   readChallenge,
	"reference":   readReference,
	"repository":  readRepository,
	"discovery":   readDiscovery,
}

func answerTo(line []byte) answer {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{"broken": err.Error()}
	}
	operation, known := operations[asked.Op]
	if !known {
		return answer{"broken": fmt.Sprintf("no operation %q", asked.Op)}
	}
	found, err := operation(asked)
	if err != nil {
		return answer{"error": err.Error()}
	}
	return found
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		if err := out.Encode(answerTo(line)); err != nil {
			return
		}
	}
}
