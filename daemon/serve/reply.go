package serve

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
)

// reply is a line on its way to a client. A short one is encoded already; a
// long one is encoded as it is written, so that it is in memory only once.
type reply struct {
	line []byte          // newline included; nil: it is a long one
	id   json.RawMessage // of a long one
	long any             // its result
	held *grant          // what it holds, or nil
}

// newReply returns the last line of a request that went well.
func newReply(id json.RawMessage, result any) (reply, error) {
	result = jsonForm(result)
	switch result.(type) {
	case api.Bytes, api.TailChunk, []any:
		if weight(result) > smallReply {
			return reply{id: id, long: result}, nil
		}
	}
	if line, ok := appendResult(nil, id, result); ok {
		return reply{line: line}, nil
	}
	line, err := ndjson.EncodeResult(id, result)
	return reply{line: line}, err
}

// appendResult appends the last line of a request, if its result is of one of the
// usual kinds.
func appendResult(b []byte, id json.RawMessage, result any) ([]byte, bool) {
	if len(id) == 0 {
		id = null
	}
	from := len(b)
	b = append(append(append(b, `{"id":`...), id...), `,"result":`...)
	b, ok := api.AppendJSON(b, result)
	if !ok {
		return b[:from], false
	}
	return append(b, "}\n"...), true
}

// null is the id of a request without one.
var null = json.RawMessage("null")

// release gives back what the reply holds.
func (r reply) release() {
	if r.held != nil {
		r.held.release()
	}
}

// replyPiece is how much of a long reply is encoded at a time; three divides
// it, for the sake of base64.
const replyPiece = 24 << 10

func (r reply) writeTo(w io.Writer) error {
	if r.line != nil {
		_, err := w.Write(r.line)
		return err
	}
	b := bufio.NewWriterSize(w, replyPiece)
	id := r.id
	if len(id) == 0 {
		id = null
	}
	fmt.Fprintf(b, `{"id":%s,"result":`, id)
	if err := writeJSON(b, r.long); err != nil {
		return err
	}
	_, _ = b.WriteString("}\n") // Flush returns the error
	return b.Flush()
}

// writeJSON writes a value in the form that the encoder of short replies
// gives it.
func writeJSON(b *bufio.Writer, v any) error {
	switch x := v.(type) {
	case api.Bytes:
		return writeBytes(b, x)
	case api.TailChunk:
		_, _ = b.WriteString(`{"data":`)
		if err := writeBytes(b, x.Data); err != nil {
			return err
		}
		_, err := fmt.Fprintf(b, `,"offset":%d,"overflow":%t}`, x.Offset, x.Overflow)
		return err
	case []any:
		separator := byte('[')
		for _, e := range x {
			_ = b.WriteByte(separator)
			if err := writeJSON(b, e); err != nil {
				return err
			}
			separator = ','
		}
		if len(x) == 0 {
			_ = b.WriteByte(separator)
		}
		return b.WriteByte(']')
	}
	p, err := ndjson.EncodeValue(v)
	if err != nil { // one of many results: the others are still worth sending
		if p, err = ndjson.EncodeValue(faultStruct{int(api.Failed), api.NewFault(api.Failed, err.Error()).Text()}); err != nil {
			return err
		}
	}
	_, err = b.Write(p)
	return err
}

func writeBytes(b *bufio.Writer, p api.Bytes) error {
	if !utf8.Valid(p) {
		_, _ = b.WriteString(`{"base64":"`)
		e := base64.NewEncoder(base64.StdEncoding, b)
		if _, err := e.Write(p); err != nil {
			return err
		}
		_ = e.Close()
		_, err := b.WriteString(`"}`)
		return err
	}
	_ = b.WriteByte('"')
	for len(p) > 0 {
		cut := api.WholeText(p[:min(len(p), replyPiece)])
		text, err := p[:cut].MarshalJSON()
		if err != nil {
			return err
		}
		if _, err := b.Write(text[1 : len(text)-1]); err != nil { // without its quotes
			return err
		}
		p = p[cut:]
	}
	return b.WriteByte('"')
}
