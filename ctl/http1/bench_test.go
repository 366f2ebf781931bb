package http1

import (
	"bufio"
	"bytes"
	"io"
	"testing"
)

const call = "POST /RPC2 HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nAccept-Encoding: gzip\r\nContent-Type: text/xml\r\n" +
	"User-Agent: Python-xmlrpc/3.13\r\nContent-Length: 108\r\nAuthorization: Basic am9lOnNlY3JldA==\r\n\r\n"

func BenchmarkRequest(b *testing.B) {
	b.ReportAllocs()
	from := bytes.NewReader(nil)
	r := bufio.NewReader(from)
	var q Request
	for b.Loop() {
		from.Reset([]byte(call))
		r.Reset(from)
		if err := q.Read(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	b.ReportAllocs()
	q := &Request{Method: MethodPost, Minor: 1}
	body := bytes.Repeat([]byte("x"), 400)
	w := bufio.NewWriter(io.Discard)
	var a Answer
	for b.Loop() {
		a.Begin(q, w, nil)
		a.Set("X-Content-Type-Options", "nosniff")
		a.Set("X-Frame-Options", "DENY")
		if err := a.Send(StatusOK, "text/xml", body); err != nil {
			b.Fatal(err)
		}
		if err := a.End(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestARequestTakesFewAllocations is what a server pays for each.
func TestARequestTakesFewAllocations(t *testing.T) {
	from := bytes.NewReader(nil)
	r := bufio.NewReader(from)
	w := bufio.NewWriter(io.Discard)
	var q Request
	var a Answer
	body := []byte("x")
	n := testing.AllocsPerRun(100, func() {
		from.Reset([]byte(call))
		r.Reset(from)
		if err := q.Read(r); err != nil {
			t.Fatal(err)
		}
		a.Begin(&q, w, nil)
		_ = a.Send(StatusOK, "text/xml", body)
		_ = a.End()
	})
	if n > 2 {
		t.Errorf("%v allocations", n)
	}
}
