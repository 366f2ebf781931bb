package socket

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestThePeerIsWhoConnected(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer, err := PeerOf(conn)
	if err != nil {
		t.Fatal(err)
	}
	if peer.PID != os.Getpid() || peer.UID != os.Geteuid() || peer.Groups[0] != os.Getegid() {
		t.Errorf("got %+v", peer)
	}
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	for _, gid := range groups {
		if !slices.Contains(peer.Groups, gid) {
			t.Errorf("group %d is not among %v", gid, peer.Groups)
		}
	}
	if len(peer.Groups) > len(groups)+1 {
		t.Errorf("got groups %v, have %v", peer.Groups, groups)
	}
	conn.Close()
	if _, err := PeerOf(conn); err == nil {
		t.Error("a closed connection has a peer")
	}
}
