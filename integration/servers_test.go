package integration

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A daemon that is stopped in mid-call must be found out. That takes fifteen
// seconds; nobody knows how many more on a busy machine.
func TestADaemonThatStopsIsFoundOut(t *testing.T) {
	const conf = `[inet_http_server]
port=127.0.0.1:PORT
[program:slow]
command=TESTPROG stay
startsecs=3600
autostart=false
[program:talk]
command=/bin/sh -c "echo hello; exec sleep 1000"
startsecs=0
stdout_logfile=DIR/talk.log
`
	for name, row := range map[string]struct {
		line, out, err string
		port, original bool
	}{
		"start":                   {line: "start slow", out: "error: URL did not answer in time: waited 10s\n", err: "pid PID, which listens there, is stopped: kill -CONT PID lets it go on"},
		"start over HTTP":         {line: "start slow", port: true, out: "error: URL did not answer in time: waited 10s\n", err: "may be stopped"},
		"start of the original":   {line: "start slow", original: true, out: "error: URL did not answer in time: waited 10s\n", err: "stopped"},
		"tail -f":                 {line: "tail -f talk", out: "hello\n", err: "Cannot connect, error: URL did not answer in time: waited 10s\n  pid PID, which listens there, is stopped"},
		"tail -f over HTTP":       {line: "tail -f talk", port: true, out: "hello\n", err: "Cannot connect, error: URL did not answer in time: waited 10s\n"},
		"tail -f of the original": {line: "tail -f talk", original: true, out: "hello\n", err: "Cannot connect, error: URL did not answer in time: waited 10s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			oursOnly(t, "it waits for ever")
			port := freePort(t)
			s := newSup(t, strings.ReplaceAll(conf, "PORT", fmt.Sprint(port)))
			url := "unix://" + s.path("s.sock")
			if row.port {
				url = fmt.Sprintf("http://127.0.0.1:%d", port)
			}
			if row.original {
				s.bin = filepath.Dir(needProgram(t, "supervisord"))
			}
			s.start()
			s.bin = ""
			s.waitPID("talk")
			cmd := s.ctlCommand(append([]string{"-s", url}, strings.Fields(row.line)...)...)
			out, errs := &buffer{}, &buffer{}
			cmd.Stdout, cmd.Stderr = out, errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			if strings.HasPrefix(row.line, "start") {
				s.waitState("slow", "STARTING")
			} else {
				until(t, "the stream begins", func() (string, bool) { return out.String(), strings.Contains(out.String(), "hello\n") })
			}
			s.signal(syscall.SIGSTOP)
			t.Cleanup(func() { s.signal(syscall.SIGCONT) })
			select {
			case <-done:
			case <-time.After(patience):
				cmd.Process.Kill()
				t.Errorf("it still waits for a daemon that is stopped")
			}
			fill := strings.NewReplacer("URL", url, "PID", fmt.Sprint(s.pid)).Replace
			if !strings.Contains(out.String(), fill(row.out)) || !strings.Contains(errs.String(), fill(row.err)) {
				t.Errorf("got %q and %q, want %q and %q", out, errs, fill(row.out), fill(row.err))
			}
			if !row.original && !row.port {
				if r := s.ctl("status"); r.code != 4 || !strings.Contains(r.err, fill("kill -CONT PID")) {
					t.Errorf("status: exit status %d, %s", r.code, r.all())
				}
			}
		})
	}
}

func TestAStartMayTakeItsTime(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it has no patience to lose")
	const conf = "[program:slow]\ncommand=TESTPROG stay\nstartsecs=22\nautostart=false\n"
	for _, bin := range []string{"", filepath.Dir(needProgram(t, "supervisord"))} {
		t.Run(bin, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, conf)
			s.bin = bin
			s.start()
			s.bin = ""
			s.must(0, "slow: started\n", "start", "slow")
		})
	}
}

// authority makes certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // of its own certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(shortDir(t), "ca.pem")}
	a.key = newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writeFile(t, a.file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// certificate is one for a name.
func (a *authority) certificate(t *testing.T, name string, notAfter time.Time) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: notAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve passes on to a socket what comes over TLS for a path, and returns the
// port.
func (a *authority) serve(t *testing.T, socket, path, name string, notAfter time.Time) string {
	t.Helper()
	target := &url.URL{Scheme: "http", Host: "localhost"}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}}}
	s := httptest.NewUnstartedServer(http.StripPrefix(path, proxy))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{a.certificate(t, name, notAfter)}}
	s.StartTLS()
	t.Cleanup(s.CloseClientConnections)
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

const webConf = `[unix_http_server]
username=joe
password=x y
[supervisorctl]
username=joe
password=x y
[program:cat]
command=/bin/cat
startsecs=0
stdout_logfile=DIR/cat.log
`

func TestServersBehindTLS(t *testing.T) {
	oursOnly(t, "it has no https")
	for name, theirs := range map[string]bool{"ours": false, "the original": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSup(t, webConf)
			if theirs {
				s.bin = filepath.Dir(needProgram(t, "supervisord"))
			}
			s.start()
			s.bin = ""
			a := newAuthority(t)
			later := time.Now().Add(time.Hour)
			good := "https://localhost:" + a.serve(t, s.path("s.sock"), "/sup", "localhost", later) + "/sup/"
			trusting := func(url string, args ...string) *exec.Cmd {
				cmd := s.ctlCommand(append([]string{"-s", url}, args...)...)
				cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+a.file)
				return cmd
			}
			for _, row := range []struct{ line, want string }{
				{"pid", fmt.Sprintln(s.pid)}, {"restart cat", "cat: stopped\ncat: started\n"}, {"stop cat", "cat: stopped\n"}, {"start cat", "cat: started\n"},
			} {
				if r := runCommand(t, trusting(good, row.line)); r.all() != row.want || r.code != 0 {
					t.Errorf("%s: exit status %d, got %q, want %q", row.line, r.code, r.all(), row.want)
				}
			}
			follow(t, trusting(good, "fg cat"), "some words\n", "some words\n")
			follow(t, trusting(good, "tail -f cat"), "", "some words\n")

			another := "https://localhost:" + a.serve(t, s.path("s.sock"), "", "other.example", later)
			old := "https://localhost:" + a.serve(t, s.path("s.sock"), "", "localhost", time.Now().Add(-time.Hour))
			for _, row := range []struct {
				cmd       *exec.Cmd
				out, hint string
			}{
				{s.ctlCommand("-s", good, "pid"), "error: " + good + " has a certificate that cannot be trusted: its authority is unknown here\n", "SSL_CERT_FILE=/path/to/ca.pem"},
				{trusting(another, "pid"), "error: " + another + " has a certificate that cannot be trusted: it is not for localhost\n", "it is for other.example"},
				{trusting(old, "pid"), "error: " + old + " has a certificate that cannot be trusted: it is not valid today\n", "the clock here says"},
				{trusting(good, "-p", "wrong", "pid"), "Server requires authentication\n", `it does not take the user name "joe"`},
				{trusting(strings.Replace(good, "https", "http", 1), "pid"), "error: " + strings.Replace(good, "https", "http", 1) + " does not answer like a supervisord: HTTP status 400 Bad Request\n", "give -s " + good},
				{trusting(strings.Replace(good, "/sup/", "/other", 1), "pid"), "error: " + strings.Replace(good, "/sup/", "/other", 1) + " does not answer like a supervisord: HTTP status 404 Not Found\n", "the path of the URL"},
			} {
				if r := runCommand(t, row.cmd); r.out != row.out || r.code != 1 || !strings.HasPrefix(r.err, "  ") || !strings.Contains(r.err, row.hint) {
					t.Errorf("%q: exit status %d, got %q and %q, want %q and %q", row.cmd.Args, r.code, r.out, r.err, row.out, row.hint)
				}
			}
		})
	}
}

func TestWhyThereIsNoServer(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it shows the number of an error")
	needRoot(t)
	s := newSup(t, "[program:cat]\ncommand=/bin/cat\n").start()
	url := "unix://" + s.path("s.sock")
	check := func(r result, code int, out string, hints ...string) {
		t.Helper()
		if r.code != code || r.out != out || !inOrder(r.err, hints...) {
			t.Errorf("exit status %d, want %d; got %q and %q, want %q and %q", r.code, code, r.out, r.err, out, hints)
		}
	}
	stranger := s.ctlCommand("pid")
	stranger.SysProcAttr = &syscall.SysProcAttr{Credential: credential(t, "nobody")}
	check(runCommand(t, stranger), 1, "error: "+url+" permission denied\n", "  "+s.path("s.sock")+" is Srwx------, owner root, group root\n  you are nobody, in group nogroup", "\n  be one who may write to the socket")

	closed := filepath.Join(s.dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	stranger = s.ctlCommand("-s", "unix://"+closed+"/s.sock", "pid")
	stranger.SysProcAttr = &syscall.SysProcAttr{Credential: credential(t, "nobody")}
	check(runCommand(t, stranger), 1, "error: unix://"+closed+"/s.sock permission denied\n", "  "+closed+" is drwx------, owner root, group root\n  you are nobody", "\n  be one who may enter the directory")

	check(s.ctl("-s", "unix://"+s.path("none"), "status"), 4, "unix://"+s.path("none")+" no such file\n", "there is nothing of that name", "has file="+s.path("s.sock"))
	s.signal(syscall.SIGKILL)
	s.waitGone()
	check(s.ctl("status"), 4, url+" refused connection\n", "the socket is there, but nobody listens", fmt.Sprintf("pid %d, of %s, is not running: start supervisord", s.pid, s.path("s.pid")))
	check(s.ctl("-s", "http://no-such-host.invalid:9001", "status"), 1, "error: http://no-such-host.invalid:9001 cannot be reached: "+nameError(t)+"\n", "give its address")
}

// nameError is how a name without an address fails here: where there is no
// resolver that is another error.
func nameError(t *testing.T) string {
	_, err := net.LookupHost("no-such-host.invalid")
	dns, ok := err.(*net.DNSError)
	switch {
	case !ok:
		t.Fatalf("no-such-host.invalid: %v", err)
	case !dns.IsNotFound:
		return "the name no-such-host.invalid could not be looked up: " + dns.Err
	}
	return "no host is called no-such-host.invalid"
}

func TestSeveralServersAtOnce(t *testing.T) {
	t.Parallel()
	oursOnly(t, "it knows one")
	const conf = "[program:cat]\ncommand=/bin/cat\nstartsecs=0\nstdout_logfile=DIR/cat.log\n"
	ours, theirs := newSup(t, conf).start(), newSup(t, strings.ReplaceAll(conf, "cat]", "dog]"))
	theirs.bin = filepath.Dir(needProgram(t, "supervisord"))
	theirs.start()
	ours.waitPID("cat")
	a, b, none := "unix://"+ours.path("s.sock"), "unix://"+theirs.path("s.sock"), "unix://"+ours.path("x.sock")
	width := max(len(a), len(b), len(none))
	fill := strings.NewReplacer("A|", fmt.Sprintf("%-*s", max(len(a), len(b)), a), "B|", fmt.Sprintf("%-*s", max(len(a), len(b)), b)).Replace
	both := func(args ...string) []string { return append([]string{"-s", a, "-s", b}, args...) }
	until(t, "both are shown", func() (string, bool) {
		r := ours.ctl(both("status")...)
		return r.all(), r.code == 0 && strings.Contains(r.out, fill("A|  cat                              RUNNING   pid ")) && strings.Contains(r.out, fill("B|  dog                              RUNNING   pid "))
	})
	check := func(r result, code int, out string) {
		t.Helper()
		if out = fill(out); r.code != code || r.out != out {
			t.Errorf("exit status %d, want %d; got\n%s\nwant\n%s", r.code, code, r.all(), out)
		}
	}
	check(ours.ctl(both("pid")...), 0, fmt.Sprintf("A|  %d\nB|  %d\n", ours.pid, theirs.pid))
	check(ours.ctl(both("pid", "--json")...), 0, fmt.Sprintf(`{"server":%q,"result":%d}`+"\n"+`{"server":%q,"result":%d}`+"\n", a, ours.pid, b, theirs.pid))
	check(ours.ctl(both("restart", "all")...), 0, "A|  cat: stopped\nA|  cat: started\nB|  dog: stopped\nB|  dog: started\n")
	check(ours.ctl(both("stop", "cat")...), 1, "A|  cat: stopped\nB|  cat: ERROR (no such process)\n")
	r := ours.ctl(append([]string{"-s", none}, both("status")...)...)
	if r.code != 4 || !strings.HasPrefix(r.out, fmt.Sprintf("%-*s  %s no such file\n%-*s  cat ", width, none, none, width, a)) || !strings.Contains(r.out, fmt.Sprintf("\n%-*s  dog ", width, b)) {
		t.Errorf("with one that is not there: exit status %d, %s", r.code, r.all())
	}
	check(ours.ctl(both("start", "cat")...), 1, "A|  cat: started\nB|  cat: ERROR (no such process)\n")
	writeFile(t, theirs.path("cat.log"), "theirs\n", 0o644)
	follow(t, ours.ctlCommand(append([]string{"-s", a}, "-s", a, "-s", b, "tail", "-f", "dog")...), "", fill("B|  theirs\n"))
	check(ours.ctl(both("shutdown")...), 0, "A|  Shut down\nB|  Shut down\n")
	ours.waitGone()
	theirs.waitGone()
}
