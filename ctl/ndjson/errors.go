package ndjson

// Error is the error member of a reply. Code, Name and Message are those of a
// fault, or of one of the errors of the wire; Hint says what to do about it.
type Error struct {
	Code    int    `json:"code"`
	Name    string `json:"name"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Error implements error with Message.
func (e *Error) Error() string { return e.Message }

// The codes of the wire itself. They stand far from those of the faults.
const (
	CodeBadJSON        = 400
	CodeUnauthorized   = 401
	CodeDuplicateID    = 409
	CodeLineTooLong    = 413
	CodeBadRequest     = 422
	CodeTooManyStreams = 429
	CodeCancelled      = 499
	CodeBusy           = 503
)

// Kind describes one error of the wire, for messages and for the reference.
type Kind struct {
	Code   int
	Name   string
	When   string
	Closes bool // the connection ends after it
}

// Kinds lists the errors of the wire by code.
var Kinds = []Kind{
	{CodeBadJSON, "BAD_JSON", "the line is not JSON, or not UTF-8; the message gives the position", false},
	{CodeUnauthorized, "UNAUTHORIZED", "the server has a user name and the connection has not logged in, or the login was wrong; the third wrong one closes the connection", false},
	{CodeDuplicateID, "DUPLICATE_ID", "a request with this id is still running on this connection", false},
	{CodeLineTooLong, "LINE_TOO_LONG", "the line is longer than the limit; it is skipped up to its newline", false},
	{CodeBadRequest, "BAD_REQUEST", "the line is JSON but no request: no object, no method, a member of the wrong type or an unknown one", false},
	{CodeTooManyStreams, "TOO_MANY_STREAMS", "the connection has as many open streams as it may have", false},
	{CodeCancelled, "CANCELLED", "the request was ended by system.cancel, or by the end of the server", false},
	{CodeBusy, "BUSY", "the server has as many connections, or wrong logins at once, as it may have", true},
}

// NewError returns an error of the wire: its name is that of the code, and its
// message is the name and the detail.
func NewError(code int, detail, hint string) *Error {
	name := "ERROR"
	for _, k := range Kinds {
		if k.Code == code {
			name = k.Name
		}
	}
	e := &Error{Code: code, Name: name, Message: name, Hint: hint}
	if detail != "" {
		e.Message += ": " + detail
	}
	return e
}
