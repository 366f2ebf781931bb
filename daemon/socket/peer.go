package socket

import (
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Peer is who connected to a UNIX socket, as the kernel says. It stays the same
// when the process gives the connection away, or changes itself.
type Peer struct {
	PID    int
	UID    int
	Groups []int // the primary one first
}

// PeerOf returns who is at the other end of a connection.
func PeerOf(conn *net.UnixConn) (Peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var peer Peer
	controlErr := raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err != nil {
			return
		}
		peer = Peer{PID: int(cred.Pid), UID: int(cred.Uid), Groups: []int{int(cred.Gid)}}
		peer.Groups = append(peer.Groups, peerGroups(fd)...)
	})
	if err == nil {
		err = controlErr
	}
	if err != nil {
		return Peer{}, fmt.Errorf("ask who connected: %w", err)
	}
	return peer, nil
}

// peerGroups returns the supplementary groups of a peer. Before Linux 4.13
// nobody can tell, and then there are none.
func peerGroups(fd uintptr) []int {
	gids := make([]uint32, 32)
	for {
		size := uint32(len(gids) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&gids[0])), uintptr(unsafe.Pointer(&size)), 0)
		have := int(size / 4)
		switch {
		case errno == unix.ERANGE && have > len(gids):
			gids = make([]uint32, have)
			continue
		case errno != 0:
			return nil
		}
		out := make([]int, have)
		for i := range out {
			out[i] = int(gids[i])
		}
		return out
	}
}
