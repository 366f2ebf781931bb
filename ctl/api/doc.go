// Package api is the control surface: every request and reply, the faults, and
// the one table of methods from which the codecs, the introspection calls and
// the reference documentation are made.
//
// It is values only. daemon implements Service; daemon/serve puts wires before
// it; ctl/client speaks to it from outside. It may import proc only.
package api
