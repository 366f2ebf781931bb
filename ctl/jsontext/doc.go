// Package jsontext reads and writes the plain part of JSON without reflection:
// what nearly every request and reply on the control socket consists of.
//
// What it writes is byte for byte what encoding/json writes without the escapes
// for HTML. What it reads it reads as encoding/json does, or it gives up: a
// Scanner that has met something rare is not OK any more, and whoever uses it
// begins anew with encoding/json, which also words what is wrong. So it decides
// about speed and never about meaning; the tests hold the two against each other.
// It knows no method and no type of ours, and imports no package of ours.
package jsontext
