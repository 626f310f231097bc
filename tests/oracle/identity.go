package main

import (
	"context"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
)

// readDiscovery reads a discovery document as Pinniped does.
func readDiscovery(asked question) (answer, error) {
	reply := func(request *http.Request) *http.Response {
		header := http.Header{"Content-Type": []string{asked.ContentType}}
		return response(request, asked.Status, header, string(asked.Text))
	}
	client := &http.Client{Transport: replies(reply)}
	found, err := oidc.NewProvider(oidc.ClientContext(context.Background(), client), asked.Issuer)
	if err != nil {
		return nil, err
	}
	var claims struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := found.Claims(&claims); err != nil {
		return nil, err
	}
	endpoint := found.Endpoint()
	return answer{"issuer": claims.Issuer, "jwks": claims.JWKS, "token": endpoint.TokenURL, "authorize": endpoint.AuthURL}, nil
}
