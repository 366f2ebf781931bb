package conf

import "testing"

func TestQuotingIsTheOriginals(t *testing.T) {
	for _, c := range []struct{ name, got, want string }{
		{"plain text stands between single quotes", Repr("a b"), `'a b'`},
		{"a single quote calls for double ones", Repr("it's"), `"it's"`},
		{"a list is in brackets", ListRepr([]string{"foo", "it's"}), `['foo', "it's"]`},
		{"an empty list is empty brackets", ListRepr(nil), `[]`},
		{"bytes have a prefix", BytesRepr([]byte("a\xffb\n")), `b'a\xffb\n'`},
		{"a backslash is doubled", BytesRepr([]byte(`a\b`)), `b'a\\b'`},
		{"quotes in bytes choose the other kind", BytesRepr([]byte("it's")), `b"it's"`},
		{"both kinds of quotes escape one", BytesRepr([]byte(`'"`)), `b'\'"'`},
		{"control bytes are numbers", BytesRepr([]byte{0, 9, 13, 127}), `b'\x00\t\r\x7f'`},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, c.got, c.want)
		}
	}
}
