package logfile

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
)

// BenchmarkWrite measures a log that is rotated, with few and with many backups, beside
// one that is not.
func BenchmarkWrite(b *testing.B) {
	for _, row := range []struct {
		name    string
		max     int64
		backups int
	}{
		{"never rotated", 0, 0}, {"truncated", 1 << 20, 0}, {"10 backups", 1 << 20, 10}, {"1000 backups", 1 << 20, 1000},
	} {
		for _, size := range []int{100, 4 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%d", row.name, size), func(b *testing.B) {
				f := New(Spec{Path: filepath.Join(b.TempDir(), "x.log"), MaxBytes: row.max, Backups: row.backups})
				if err := f.Open(); err != nil {
					b.Fatal(err)
				}
				defer f.Close()
				p := append(bytes.Repeat([]byte("x"), size-1), '\n')
				written := 0
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := f.Write(p); err != nil {
						b.Fatal(err)
					}
					// As much of the disk as the others.
					if written += size; row.max == 0 && written > 16<<20 {
						written = 0
						if err := f.file.(plain).truncate(); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
