package listener

import (
	"bytes"
	"slices"
	"testing"
)

// talk feeds the pieces to a listener; a piece "<event>" sends it one.
func talk(pieces ...string) (p *Parser, said []Signal) {
	p = &Parser{}
	p.Reset()
	for _, piece := range pieces {
		if piece == "<event>" {
			p.Sent()
			continue
		}
		said = append(said, p.Feed([]byte(piece))...)
	}
	return p, said
}

func TestFeedFollowsTheProtocol(t *testing.T) {
	say := func(kinds ...Kind) (out []Signal) {
		for _, k := range kinds {
			out = append(out, Signal{Kind: k})
		}
		return out
	}
	long := string(bytes.Repeat([]byte{'x'}, 10*longestLine))
	for _, c := range []struct {
		name   string
		pieces []string
		want   []Signal
		state  State
	}{
		{"nothing yet", nil, nil, Acknowledged},
		{"half a token waits", []string{"REA"}, nil, Acknowledged},
		{"ready", []string{"READY\n"}, say(BecameReady), Ready},
		{"ready in pieces", []string{"R", "EADY", "\n"}, say(BecameReady), Ready},
		{"a greeting is a violation", []string{"hello\n"}, say(Violation), Unknown},
		{"ready twice is a violation", []string{"READY\nREADY\n"}, say(BecameReady, Violation), Unknown},
		{"a word while ready is a violation", []string{"READY\n", "x"}, say(BecameReady, Violation), Unknown},
		{"nothing counts after a violation", []string{"hello\n", "READY\n"}, say(Violation), Unknown},
		{"an OK is processed", []string{"READY\n", "<event>", "RESULT 2\nOK"}, say(BecameReady, Processed), Acknowledged},
		{"an OK and the next ready in one go", []string{"READY\n", "<event>", "RESULT 2\nOKREADY\n"},
			say(BecameReady, Processed, BecameReady), Ready},
		{"a result in pieces", []string{"READY\n", "<event>", "RES", "ULT 2", "\nO", "K"}, say(BecameReady, Processed), Acknowledged},
		{"a FAIL is rejected", []string{"READY\n", "<event>", "RESULT 4\nFAIL"}, say(BecameReady, Rejected), Acknowledged},
		{"an empty result is rejected at once", []string{"READY\n", "<event>", "RESULT 0\n"}, say(BecameReady, Rejected), Acknowledged},
		{"a result that only begins with OK is rejected", []string{"READY\n", "<event>", "RESULT 3\nOKK"}, say(BecameReady, Rejected), Acknowledged},
		{"a number that is none", []string{"READY\n", "<event>", "RESULT x\n"},
			append(say(BecameReady), Signal{BadResult, "RESULT x"}), Unknown},
		{"a negative number", []string{"READY\n", "<event>", "RESULT -1\n"},
			append(say(BecameReady), Signal{BadResult, "RESULT -1"}), Unknown},
		{"another word", []string{"READY\n", "<event>", "RESULTS 2\nOK"},
			append(say(BecameReady), Signal{BadResult, "RESULTS 2"}), Unknown},
		{"a line without end", []string{"READY\n", "<event>", long},
			append(say(BecameReady), Signal{BadResult, long[:longestLine]}), Unknown},
		{"answering twice is a violation", []string{"READY\n", "<event>", "RESULT 2\nOKRESULT 2\nOK"},
			say(BecameReady, Processed, Violation), Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, got := talk(c.pieces...)
			if !slices.Equal(got, c.want) || p.State() != c.state {
				t.Errorf("got %v in state %v, want %v in state %v", got, p.State(), c.want, c.state)
			}
		})
	}
}

func TestResetTrustsANewChild(t *testing.T) {
	p, _ := talk("hello\n")
	p.Reset()
	if got := p.Feed([]byte("READY\n")); len(got) != 1 || got[0].Kind != BecameReady {
		t.Errorf("got %v", got)
	}
}

func FuzzFeedDoesNotDependOnThePieces(f *testing.F) {
	f.Add([]byte("READY\nRESULT 2\nOKREADY\n"), 3)
	f.Add([]byte("RESULT 99999999999999999999\n"), 1)
	f.Add([]byte("READY\n\x00"), 2)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if size < 1 {
			size = 1
		}
		var whole, parts Parser
		for _, p := range []*Parser{&whole, &parts} {
			p.Reset()
			p.Sent()
		}
		want := whole.Feed(data)
		var got []Signal
		for piece := range slices.Chunk(data, size) {
			got = append(got, parts.Feed(piece)...)
		}
		if !slices.Equal(got, want) || whole.State() != parts.State() {
			t.Fatalf("pieces of %d: %v, %v; at once: %v, %v", size, got, parts.State(), want, whole.State())
		}
		if cap(parts.line)+cap(parts.result) > 4*longestLine {
			t.Fatalf("keeps %d bytes", cap(parts.line)+cap(parts.result))
		}
	})
}
