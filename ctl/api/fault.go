package api

import (
	"errors"
	"strings"
)

// Code numbers a Fault as the original does.
type Code int

// The fault codes of the control API.
const (
	UnknownMethod        Code = 1
	IncorrectParameters  Code = 2
	BadArguments         Code = 3
	SignatureUnsupported Code = 4
	ShutdownState        Code = 6
	BadName              Code = 10
	BadSignal            Code = 11
	NoFile               Code = 20
	NotExecutable        Code = 21
	Failed               Code = 30
	AbnormalTermination  Code = 40
	SpawnError           Code = 50
	AlreadyStarted       Code = 60
	NotRunning           Code = 70
	Success              Code = 80 // only inside a Status
	AlreadyAdded         Code = 90
	StillRunning         Code = 91
	CantReread           Code = 92
	Forbidden            Code = 99 // no role allows it; the original has no roles
)

// codeNames is a list, since a map would be filled whenever the program starts.
var codeNames = [...]struct {
	code Code
	name string
}{
	{UnknownMethod, "UNKNOWN_METHOD"}, {IncorrectParameters, "INCORRECT_PARAMETERS"},
	{BadArguments, "BAD_ARGUMENTS"}, {SignatureUnsupported, "SIGNATURE_UNSUPPORTED"},
	{ShutdownState, "SHUTDOWN_STATE"}, {BadName, "BAD_NAME"}, {BadSignal, "BAD_SIGNAL"},
	{NoFile, "NO_FILE"}, {NotExecutable, "NOT_EXECUTABLE"}, {Failed, "FAILED"},
	{AbnormalTermination, "ABNORMAL_TERMINATION"}, {SpawnError, "SPAWN_ERROR"},
	{AlreadyStarted, "ALREADY_STARTED"}, {NotRunning, "NOT_RUNNING"}, {Success, "SUCCESS"},
	{AlreadyAdded, "ALREADY_ADDED"}, {StillRunning, "STILL_RUNNING"}, {CantReread, "CANT_REREAD"},
	{Forbidden, "FORBIDDEN"},
}

// String returns the name, such as BAD_NAME.
func (c Code) String() string {
	for i := range codeNames {
		if codeNames[i].code == c {
			return codeNames[i].name
		}
	}
	return "FAILED"
}

// Fault is the one error of the control API. Every wire shows it in its own
// form; Text is the same in all: NAME, or NAME: DETAIL.
type Fault struct {
	Code   Code
	Detail string
	Hint   string // what to do about it; shown where there is room, never part of Text
}

// NewFault returns the fault code with a detail, which may be empty.
func NewFault(code Code, detail string) *Fault { return &Fault{Code: code, Detail: detail} }

// named are the faults that are always about a name, which may be empty.
func (c Code) named() bool { return c == BadName || c == BadSignal }

// ParseFault returns the fault whose Text is text: the inverse of Text, for a
// fault that was kept as a Status or came over a wire.
func ParseFault(code Code, text string) *Fault {
	detail, ok := strings.CutPrefix(text, code.String()+": ")
	if !ok && text != code.String() {
		detail = text
	} else if !ok {
		detail = ""
	}
	return &Fault{Code: code, Detail: detail}
}

// Text returns the fault string: the name, and the detail if there is one.
func (f *Fault) Text() string {
	if f.Detail == "" && !f.Code.named() {
		return f.Code.String()
	}
	return f.Code.String() + ": " + f.Detail
}

// Error implements error with Text.
func (f *Fault) Error() string { return f.Text() }

// AsFault returns err as a fault; an error that is none becomes Failed with
// its text as detail.
func AsFault(err error) *Fault {
	if err == nil {
		return nil
	}
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return NewFault(Failed, err.Error())
}
