// Package integration tests the built program from outside: the daemon and
// its client as a user has them, real services under it, containers and pid
// namespaces around it. It is a module of its own, so that what the tests need
// is not what the product needs, and it imports no package of the product.
//
// The binaries under test are those of ../bin, which the tests build first.
// SUPERVISOR_BIN_DIR names another directory with supervisord, supervisorctl
// and echo_supervisord_conf; when the original stands there, the tests of what
// only this product does are left out.
//
// Tests wait on conditions with generous deadlines and never on elapsed time.
// Every daemon carries a marker in its environment, and what still carries the
// marker when a test ends is killed by pid. With CI=true a missing tool fails
// the test instead of skipping it; packages.txt lists what to install.
package integration
