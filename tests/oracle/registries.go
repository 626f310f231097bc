package main

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// replies answers every request with the same response, without a network.
type replies func(*http.Request) *http.Response

func (reply replies) RoundTrip(request *http.Request) (*http.Response, error) {
	return reply(request), nil
}

func response(request *http.Request, status int, header http.Header, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)), Request: request,
	}
}

func readChallenge(asked question) (answer, error) {
	registry, err := name.NewRegistry("registry.example.com")
	if err != nil {
		return nil, err
	}
	reply := func(request *http.Request) *http.Response {
		return response(request, http.StatusUnauthorized, http.Header{"Www-Authenticate": asked.Headers}, "")
	}
	found, err := transport.Ping(context.Background(), registry, replies(reply))
	if err != nil {
		return nil, err
	}
	return answer{"scheme": found.Scheme, "parameters": found.Parameters}, nil
}

func readReference(asked question) (answer, error) {
	found, err := name.ParseReference(string(asked.Text), name.StrictValidation)
	if err != nil {
		return nil, err
	}
	where := found.Context()
	return answer{
		"registry": where.RegistryStr(), "repository": where.RepositoryStr(), "identifier": found.Identifier(),
	}, nil
}

func readRepository(asked question) (answer, error) {
	found, err := name.NewRepository(string(asked.Text), name.StrictValidation)
	if err != nil {
		return nil, err
	}
	return answer{"registry": found.RegistryStr(), "repository": found.RepositoryStr()}, nil
}
