package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// post sends a body to a path of the server, over whichever socket it has.
func (c *Client) post(ctx context.Context, path, contentType string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address(path), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", contentType)
	return c.send(req)
}

func (c *Client) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address(path), nil)
	if err != nil {
		return nil, err
	}
	return c.send(req)
}

func (c *Client) send(req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", "supervisorctl")
	if c.user != nil {
		req.SetBasicAuth(*c.user, *c.pass)
	}
	resp, err := c.http.Do(req)
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the rest says the method and an address that nobody gave
	}
	return resp, err
}

// address returns the URL of a path. The host of a unix socket is never
// looked up; it only fills the Host header.
func (c *Client) address(path string) string {
	host := c.host
	if c.path != "" {
		host = "localhost"
	}
	return (&url.URL{Scheme: "http", Host: host}).String() + path
}

// statusError turns a reply that is not 200 into an error, and closes it.
func (c *Client) statusError(resp *http.Response) error {
	resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		return c.fail(ErrUnauthorized, "")
	}
	if resp.StatusCode == http.StatusNotFound {
		return c.fail(ErrNotSupervisor, "HTTP status "+resp.Status)
	}
	return fmt.Errorf("HTTP status %s", resp.Status)
}
