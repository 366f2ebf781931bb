// Package xmlrpc is the codec of XML-RPC as existing clients of the original
// speak it: calls and responses, values in and values out.
//
// Decoded values are nil, bool, int64, float64, string, []any and
// map[string]any. Encoded may be those, every integer type, []byte, slices, maps
// with text keys, and structs, whose members are named by their json tags and
// keep the order of the fields. What XML cannot carry is replaced, and integers
// are capped at what clients can read, so that an answer never breaks the peer.
//
// Input is bounded in size and depth, and there are no document types and no
// entities but the five of XML. It knows no method and no policy and imports no
// package of ours.
package xmlrpc
