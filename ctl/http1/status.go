package http1

// The methods that are asked for here.
const (
	MethodGet  = "GET"
	MethodHead = "HEAD"
	MethodPost = "POST"
)

// The statuses that are given or understood here (RFC 9110, 15).
const (
	StatusOK                  = 200
	StatusNoContent           = 204 // understood only
	StatusSeeOther            = 303
	StatusNotModified         = 304
	StatusBadRequest          = 400
	StatusUnauthorized        = 401
	StatusForbidden           = 403
	StatusNotFound            = 404
	StatusMethodNotAllowed    = 405
	StatusLengthRequired      = 411
	StatusBodyTooLarge        = 413
	StatusURITooLong          = 414
	StatusExpectationFailed   = 417
	StatusHeaderTooLarge      = 431
	StatusInternalError       = 500
	StatusNotImplemented      = 501
	StatusBadGateway          = 502
	StatusUnavailable         = 503
	StatusGatewayTimeout      = 504
	StatusVersionNotSupported = 505
)

// StatusText returns the name of a status that is given here, or "".
func StatusText(status int) string {
	switch status {
	case StatusOK:
		return "OK"
	case StatusSeeOther:
		return "See Other"
	case StatusNotModified:
		return "Not Modified"
	case StatusBadRequest:
		return "Bad Request"
	case StatusUnauthorized:
		return "Unauthorized"
	case StatusForbidden:
		return "Forbidden"
	case StatusNotFound:
		return "Not Found"
	case StatusMethodNotAllowed:
		return "Method Not Allowed"
	case StatusLengthRequired:
		return "Length Required"
	case StatusBodyTooLarge:
		return "Request Entity Too Large"
	case StatusURITooLong:
		return "Request URI Too Long"
	case StatusExpectationFailed:
		return "Expectation Failed"
	case StatusHeaderTooLarge:
		return "Request Header Fields Too Large"
	case StatusInternalError:
		return "Internal Server Error"
	case StatusNotImplemented:
		return "Not Implemented"
	case StatusUnavailable:
		return "Service Unavailable"
	case StatusVersionNotSupported:
		return "HTTP Version Not Supported"
	}
	return ""
}
