// Package openssl makes connections over TLS by way of the system's program of
// that name, as the wget of busybox does. Dial runs openssl s_client for an
// address that answers and returns a net.Conn: its one end of a pair of sockets,
// of which the program has the other as its input and output.
//
// There is no connection that is not verified. The program is given each option
// that verification takes, and one that does not know them is an error; nothing
// is read or written before it has said that the certificate is good. Which
// authorities are good is the matter of the system, or of SSL_CERT_FILE and
// SSL_CERT_DIR.
//
// The program is no interpreter of what goes through it (it knows commands like
// Q at the beginning of what it reads, which are turned off), has a session of
// its own, so that no terminal reaches it, and of our environment and our
// descriptors only what it needs. It ends with the connection, for which Close waits,
// and with us, whatever becomes of us: it is the child of a thread that does
// nothing but wait for it, with whose end the system kills it.
//
// A connection belongs to whoever holds it; two goroutines may read and write
// it at the same time. Each has a goroutine that waits for the program and two
// for what it says, which end with it. What the program and, through it, the
// server say is bounded.
//
// It must import nothing of ours, nor crypto/tls: it is there because that is
// large (ARCHITECTURE.md has the numbers), and because what is wrong with TLS is
// mended by whoever keeps the system.
package openssl
