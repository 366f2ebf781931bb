package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"gosupervisor/conf"
	"gosupervisor/ctl/api"
	"gosupervisor/ctl/ndjson"
	"gosupervisor/ctl/xmlrpc"
)

// manyReads is a multicall that reads the log of big n times, then starts.
func manyReads(n int) []any {
	calls := make([]any, 0, n+1)
	for range n {
		calls = append(calls, map[string]any{"methodName": "supervisor.readProcessStdoutLog", "params": []any{"big", int64(0), int64(0)}})
	}
	return append(calls, map[string]any{"methodName": "supervisor.startProcess", "params": []any{"nosuch"}})
}

func TestMulticallHasABudget(t *testing.T) {
	const fit = 6 // of the log of big
	const refused = "FAILED: the results of a multicall may have 7000000 bytes together"
	r := standard(t)
	r.server.o.Bounds.multicall = 7e6
	k := r.dial()
	params, _ := json.Marshal([]any{manyReads(20)})
	got := k.ask(`{"id":1,"method":"system.multicall","params":` + string(params) + `}`)
	log, err := ndjson.EncodeValue(bigLog)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":1,"result":[` + strings.Repeat(string(log)+",", fit) +
		strings.Repeat(`{"faultCode":30,"faultString":"`+refused+`"},`, 20-fit) + `{"faultCode":30,"faultString":"` + refused + `"}]}`
	if got != want {
		t.Errorf("got %d bytes instead of %d, at the end %s", len(got), len(want), got[max(0, len(got)-200):])
	}
	if n := r.fake.reads.Load(); n != fit+1 {
		t.Errorf("the log was read %d times", n)
	}
	if n := r.server.o.Bounds.replies.left(); n != MaxHeld/unit {
		t.Errorf("%d units are left", n)
	}
}

func TestMulticallOverXMLRPCHasABudget(t *testing.T) {
	r := standard(t)
	r.server.o.Bounds.multicall = 7e6
	g := r.server.newGrant(nil)
	results := r.server.multicall(t.Context(), overXMLRPC, manyReads(20), g)
	if f, _ := results[20].(faultStruct); f.Code != int(api.Failed) || len(results) != 21 {
		t.Errorf("got %d results, the last %v", len(results), results[20])
	}
	if n := r.fake.reads.Load(); n != 7 {
		t.Errorf("the log was read %d times", n)
	}
	if got, want := g.held, 7; got != want {
		t.Errorf("the results hold %d MiB, want %d", got, want)
	}
	g.release()
	body, err := xmlrpc.EncodeCall("supervisor.readProcessStdoutLog", "big", int64(0), int64(0))
	if err != nil {
		t.Fatal(err)
	}
	answer := r.raw(fmt.Sprintf("POST /RPC2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	head, xml, _ := strings.Cut(answer, "\r\n\r\n")
	if !strings.Contains(head+"\r\n", fmt.Sprintf("Content-Length: %d\r\n", len(xml))) || !strings.Contains(xml, string(bigLog)) {
		t.Errorf("got %.300q and %d bytes", head, len(xml))
	}
}

// many is a supervisor with so many programs that the list of them is long.
type many struct{ *fake }

func (m many) Peek(ctx context.Context, r api.Request) (any, bool, error) {
	v, err := m.Do(ctx, r)
	_, list := r.(api.GetAllProcessInfo)
	return v, list, err
}

func (m many) Do(ctx context.Context, r api.Request) (any, error) {
	if _, list := r.(api.GetAllProcessInfo); !list {
		return m.fake.Do(ctx, r)
	}
	all := make([]api.ProcessInfo, 10000)
	for i := range all {
		all[i] = web()
	}
	return all, nil
}

func TestLongAnswersAtOnceHoldRoom(t *testing.T) {
	const ask, free = `{"id":1,"method":"supervisor.getAllProcessInfo"}` + "\n", MaxHeld / unit
	bounds := NewBounds()
	ours, _ := hand(t, many{newFake()}, func(c net.Conn) net.Conn { return c }, Options{Bounds: bounds})
	k := talkTo(t, ours)
	k.say(ask)
	first, err := k.in.ReadByte() // the rest of it does not fit in what the socket takes
	if err != nil || first != '{' {
		t.Fatalf("got %q, %v", first, err)
	}
	all, _ := many{}.Do(t.Context(), api.GetAllProcessInfo{})
	if want := free - int((weight(all)+unit-1)/unit); bounds.replies.left() != want {
		t.Errorf("%d units are left, want %d", bounds.replies.left(), want)
	}
	k.hear()
	eventually(t, "the room is given back", func() bool { return bounds.replies.left() == free })

	if err := bounds.replies.take(t.Context(), free); err != nil {
		t.Fatal(err)
	}
	bounds.wait = 20 * time.Millisecond
	k.say(ask)
	if e := k.hearError(); !strings.Contains(e.Message, "bytes for long replies are in use") {
		t.Errorf("got %+v", e)
	}
	bounds.replies.give(free)
	k.say(ask)
	k.hear()
	eventually(t, "the room is given back again", func() bool { return bounds.replies.left() == free })
}

func TestAListWeighsWhatItsPartsDo(t *testing.T) {
	list := []api.ProcessInfo{web(), {SpawnErr: "no", StderrLogfile: "/x"}}
	for _, v := range []any{list, list[0], list[1], list[:0]} {
		if got, want := weight(v), weigh(reflect.ValueOf(v), 8); got != want {
			t.Errorf("%v: got %d, want %d", v, got, want)
		}
	}
}

func TestLongRepliesWaitForRoom(t *testing.T) {
	bounds := NewBounds()
	bounds.wait = 20 * time.Millisecond
	r := newRig(t, conf.HTTPServer{}, Options{Namespace: "supervisor", Bounds: bounds})
	k := r.dial()
	if err := bounds.replies.take(t.Context(), MaxHeld/unit); err != nil {
		t.Fatal(err)
	}
	long := `{"id":1,"method":"supervisor.readProcessStdoutLog","params":["big",0,0]}`
	k.expect(long, `{"id":1,"error":{"code":30,"name":"FAILED","message":"FAILED: the 268435456 bytes for long replies are in use","hint":"try again later, or ask for less"}}`)
	k.expect(`{"id":2,"method":"supervisor.readProcessStdoutLog","params":["web",0,100]}`, `{"id":2,"result":{"base64":"Y2FmwxtbMG0="}}`)
	if r.fake.reads.Load() != 0 {
		t.Error("the log was read all the same")
	}
	bounds.wait = patience
	k.say(long + "\n")
	bounds.replies.give(MaxHeld / unit)
	if got := k.hear(); len(got) < len(bigLog) {
		t.Errorf("got %.200s", got)
	}
	eventually(t, "the room is given back", func() bool { return bounds.replies.left() == MaxHeld/unit })
}

func TestClientThatDoesNotReadHoldsNoMoreThanItsShare(t *testing.T) {
	r := standard(t)
	mute := r.dial()
	for i := range MaxRequests {
		mute.say(fmt.Sprintf(`{"id":%d,"method":"supervisor.readProcessStdoutLog","params":["big",0,0]}`+"\n", i))
	}
	eventually(t, "the log is read", func() bool { return r.fake.reads.Load() > 0 })
	other := r.dial()
	if got := other.ask(`{"id":1,"method":"supervisor.readProcessStdoutLog","params":["big",0,0]}`); len(got) < len(bigLog) {
		t.Errorf("got %.200s", got)
	}
	if n := r.fake.reads.Load(); n > MaxConnHeld/(1<<20)+1 {
		t.Errorf("the log was read %d times for a client that does not read", n)
	}
	_ = mute.conn.Close()
	eventually(t, "the room is given back", func() bool { return r.server.o.Bounds.replies.left() == MaxHeld/unit })
}

func TestPurseGivesAllOrNothing(t *testing.T) {
	p := newPurse(3 * unit)
	if err := p.take(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := p.take(ctx, 2); !errors.Is(err, context.DeadlineExceeded) || p.left() != 1 {
		t.Errorf("got %v, %d left", err, p.left())
	}
	p.give(2)
	if err := p.take(t.Context(), 3); err != nil {
		t.Error(err)
	}
}

func TestLongRepliesLookLikeShortOnes(t *testing.T) {
	text := api.Bytes(strings.Repeat("é\"\\\n\x01\u2028<日>", 9999))
	noText := append(api.Bytes("\xff"), text...)
	for name, v := range map[string]any{
		"text":      text,
		"no text":   noText,
		"a tail":    api.TailChunk{Data: text, Offset: 1 << 40, Overflow: true},
		"many":      []any{text, noText, true, web(), faultStruct{1, "<x>"}, []any{}, []any{nil}},
		"too short": []any{},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := ndjson.EncodeResult(json.RawMessage("7"), v)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := (reply{id: json.RawMessage("7"), long: v}).writeTo(&got); err != nil || got.String() != string(want) {
				t.Errorf("%v, %d bytes instead of %d", err, got.Len(), len(want))
			}
		})
	}
	var got bytes.Buffer
	err := reply{long: []any{make(chan int), 5}}.writeTo(&got)
	if want := `{"id":null,"result":[{"faultCode":30,"faultString":"FAILED: encode line: json: unsupported type: chan int"},5]}` + "\n"; err != nil || got.String() != want {
		t.Errorf("got %v, %s", err, &got)
	}
}

func TestWhatARequestMayRead(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    api.Request
		want int64
	}{
		{"all of it", api.ReadLog{}, longestRead},
		{"a part", api.ReadProcessLog{Offset: 5, Length: 100}, 100},
		{"the end", api.ReadProcessLog{Offset: -100}, 100},
		{"more than there can be", api.ReadProcessLog{Length: 1 << 60}, longestRead},
		{"an end of more than there can be", api.ReadProcessLog{Offset: -1 << 63}, longestRead},
		{"a tail", api.TailProcessLog{Length: 1024}, 1024},
		{"a tail of less than nothing", api.TailProcessLog{Length: -5}, 0},
		{"no log", api.GetPID{}, 0},
	} {
		if got := readSize(tt.r); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}
