package conf

import "fmt"

// The texts of the original, which scripts and people look for. They are facts,
// not style: nothing here may be improved.
const (
	msgNotFound    = "could not find config file %s"
	msgNotReadable = "could not read config file %s"
	msgNoHeaders   = "File contains no section headers.\nfile: %s, line: %d\n%s"
	msgParsing     = "Source contains parsing errors: %s"
	msgParsingLine = "\n\t[line %2d]: %s"
	msgNoServer    = ".ini file does not include supervisord section"
	msgNoCtl       = ".ini file does not include supervisorctl section"
	msgNoFiles     = ".ini file has [include] section, but no files setting"
	msgNoMatch     = "No file matches via include \"%s\""
	msgIncluded    = "Included extra file \"%s\" during parsing"
	msgInSection   = " in section %s (file: %s)"

	availableNames = ". Available names: "
	msgUnknownName = "Format string %s for %s contains names (%s) which cannot be expanded" + availableNames + "%s"
	msgBadFormat   = "Format string %s for %s is badly formatted: %s"

	msgInt         = "invalid literal for int() with base 10: %s"
	msgBool        = "not a valid boolean value: %s"
	msgOctal       = "%s can not be converted to an octal type"
	msgSignalName  = "value %s is not a valid signal name"
	msgSignalNum   = "value %s is not a valid signal number"
	msgExitCodes   = "not a valid list of exit codes: %s"
	msgAutorestart = "invalid 'autorestart' value %s"
	msgUserName    = "Invalid user name %s"
	msgUserID      = "Invalid user id %s"
	msgGroupName   = "Invalid group name %s"
	msgGroupID     = "Invalid group id %d"
	msgName        = "Invalid name: %s because of character: %s"
	msgDir         = "%s is not an existing directory"
	msgDirPath     = "The directory named as part of the path %s does not exist"
	msgLevel       = "bad logging level name %s"
	msgPort        = "not a valid port number: %s "
	msgNoPortGiven = "no port number specified in %s"
	msgAbove       = "%d is above upper bound (%d)"
	msgBelow       = "%d is below lower bound (%d)"
	msgPairs       = "Unexpected end of key/value pairs in value '%s'"
	msgNoQuote     = "No closing quotation"
	msgNoEscaped   = "No escaped character"

	msgAuth        = "Section [%s] contains incomplete authentication: If a username or a password is specified, both the username and password must be specified"
	msgNoPort      = "section [%s] has no port value"
	msgNoFile      = "section [%s] has no file value"
	msgChmod       = "Invalid chmod value %s"
	msgChown       = "Invalid sockchown value %s"
	msgNoCommand   = "program section %s does not specify a command"
	msgProcessNum  = "%(process_num) must be present within process_name when numprocs > 1"
	msgKillAsGroup = "Cannot set stopasgroup=true and killasgroup=false"

	msgNoSocket     = "[%s] section requires a \"socket\" line"
	msgSocketPath   = "Unix socket path %s is not an absolute path in [%s] socket"
	msgSocketFormat = "Bad socket format %s in [%s] socket"
	msgSocketOwned  = "socket_owner and socket_mode params should only be used with a Unix domain socket in [%s] socket"
	msgInSocket     = "%v in [%s] socket"
	msgBacklog      = "Invalid socket_backlog value %s"
	msgSocketOwner  = "Invalid socket_owner value %s"
	msgSocketMode   = "Invalid socket_mode value %s"

	msgNoEvents   = "[%s] section requires an \"events\" line"
	msgEvent      = "Unknown event type %s in [%s] events"
	msgBuffer     = "[%s] section sets invalid buffer_size (%d)"
	msgPlugin     = "%s cannot be resolved within [%s]"
	msgRedirect   = "[%s] section sets redirect_stderr=true but this is not allowed because it will interfere with the eventlistener protocol"
	msgNoFactory  = "section [%s] does not specify a %s"
	msgNoProgram  = "[%s] names unknown program or fcgi-program %s"
	msgAmbiguous  = "[%s] name %s is ambiguous (exists as program and fcgi-program)"
	msgIgnored    = "For [%s], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored"
	msgAuto       = "For [%s], AUTO logging used for %s without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally"
	msgSyslogFile = "For [%s], %s=syslog but this is deprecated and will be removed.  Use %s=true to enable syslog instead."
)

// Texts of our own, for what the original accepts or never looked at.
const (
	msgTooLarge      = "config file %s is too large: one file may have %d MiB, all together %d"
	msgManySections  = "more than %d sections"
	msgManyKeys      = "more than %d keys in [%s]"
	msgManyProcs     = "numprocs %d is more than the %d that are allowed"
	msgManyProcesses = "more than %d processes in all"
	msgLongValue     = "the value of %s in [%s] is longer than %d KiB"
	msgExpanded      = "all expanded values together are longer than %d MiB"
	msgVariables     = "the environments of all programs together have more than %d variables"
	msgManyRPC       = "more than %d [rpcinterface:] sections"
	msgStrict        = "strict=true is set, and the check has warnings: %d"
	msgLogRing       = "not a size from 0 to %[2]dMB: %[1]s"
	msgMaxLine       = "not a size from %[2]d bytes to %[3]dMB: %[1]s"
	msgPartialMS     = "%d is not between 0 and %d"
	msgLogPrefix     = "a prefix of lines has no control characters: %s"
	msgLenUnit       = "supervisor_stdout reads characters"
	msgPolicy        = "not a buffer policy: %s"
	msgGrow          = "not a buffer policy: %s (the number must be from 1 to %d)"
	msgGrowSmall     = "buffer_policy %s has less room than buffer_size (%d)"
	msgManyHooks     = "more than %d [hook:] sections"
	msgHookTwice     = "two hooks are named %s"
	msgHookCommand   = "section [%s] does not specify a command"
	msgHookNumber    = "%d is not between %d and %d"
	msgManyRoles     = "more than %d [role:] sections"
	msgRoleOfNobody  = "section [%s] has neither uids nor gids"
	msgAccess        = "not an access: %s"
	msgPattern       = "not a pattern of names: %s"
	msgInterval      = "%d is less than a second"
	msgExposed       = "Server %s on %s would take orders from whoever can reach it: it has no username and password"
	msgEnvPath       = "not a list of paths"
	msgEnvName       = "not the name of a variable: %s"
	msgEnvMany       = "%d entries are more than the %d that are allowed"
	msgTooLong       = "the result is longer than %d characters"
)

// text is an error whose wording is fixed.
type text string

func (t text) Error() string { return string(t) }

func textf(format string, args ...any) error { return text(fmt.Sprintf(format, args...)) }
