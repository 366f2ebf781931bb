package conf

import "syscall"

// Config is everything that one reading of the configuration gave.
type Config struct {
	Path string // as the user gave it; printed in messages
	File string // the same, absolute; opened again by a reread
	Here string // absolute directory of File

	Server        Server
	RPCInterfaces []RPCInterface
	HTTP          []HTTPServer // inet servers in file order, then unix ones
	Roles         []Role       // in file order
	Metrics       Metrics
	Groups        []*Group // in start order: by priority, then by name
	Hooks         []*Hook  // in file order
	Notes         []Note   // what the activity log is to be told at start

	exposed []Problem // servers that anybody could give orders to
}

// Level is a severity of the activity log, numbered as the original numbers it.
type Level int

// The levels, from the most to the least severe.
const (
	Critical Level = 50
	Error    Level = 40
	Warn     Level = 30
	Info     Level = 20
	Debug    Level = 10
	Trace    Level = 5
	Blather  Level = 3
)

// Note is a message that came up while reading and belongs into the activity
// log: an included file, a pattern that matched nothing, a doubtful value.
type Note struct {
	Level Level
	Text  string
}

// Server is the [supervisord] section.
type Server struct {
	Logfile           string // absolute and clean, or "syslog"
	LogfileSet        bool   // somebody asked for it: it is no default
	LogfileMaxBytes   int64  // 0: never rotate
	LogfileBackups    int
	Loglevel          Level
	Pidfile           string // absolute and clean
	Umask             int
	Nodaemon          bool
	Silent            bool
	MinFDs            int
	MinProcs          int
	NoCleanup         bool
	ChildLogDir       string
	User              *Account // nil: stay who we are
	UserMismatch      UserMismatch
	SupplementaryFrom LookupSource
	RequirePidfile    bool   // without its pidfile the daemon does not start
	Directory         string // "" : unset
	StripANSI         bool
	Environment       map[string]string
	Identifier        string
	UpdateMode        UpdateMode
	ExitStatus        ExitStatus
	SignalMap         []SignalRule      // for signals to the daemon that are for programs
	ShutdownTimeout   int               // seconds that a shutdown may take in all; 0: as long as its parts do
	FatalTailLines    int               // of a program that ends the daemon, to the container's log; -1: 20 as PID 1, else none
	EnvDefault        map[string]string // for %(ENV_x)s that nothing else sets; children do not get it
	Strict            bool              // what the check warns of is an error
	ServerURL         string            // what children get as SUPERVISOR_SERVER_URL; "" without any server
}

// UpdateMode says how much of a group an update touches when something in the
// group has changed.
type UpdateMode string

// The values of update_mode=.
const (
	UpdateProcess UpdateMode = "process" // the processes that differ
	UpdateGroup   UpdateMode = "group"   // all of it, as the original does
)

// ExitStatus says with what the daemon leaves when a program has ended it.
type ExitStatus string

// The values of exit_status=.
const (
	ExitAuto ExitStatus = "auto" // the program's own status
	ExitZero ExitStatus = "zero" // 0
)

// Account is a user that a child or the daemon becomes.
type Account struct {
	Name   string // as written: a name, a number or two
	UID    int    // -1: stay that user
	GID    int    // primary group; -1: stay in it
	Groups []int  // GID first, then every group that lists the user; nil: stay in all
}

// Login is what a child is told of the user that it runs as.
type Login struct {
	Name  string // USER and LOGNAME
	Home  string
	Shell string
}

// RPCInterface is an [rpcinterface:x] section.
type RPCInterface struct {
	Name     string // x
	Factory  string // module:name
	Settings map[string]string
}

// HTTPServer is an [inet_http_server] or [unix_http_server] section.
type HTTPServer struct {
	Section  string  // "unix_http_server" or "unix_http_server:x"
	Username *string // nil: not set
	Password *string
	Family   Family

	// AllowUnauthenticated says that a server without a password may be reached
	// from other machines.
	AllowUnauthenticated bool
	HealthWithoutAuth    bool // /livez and /readyz need no password

	Host string // inet: lower case, "" for all interfaces
	Port int

	File     string // unix: absolute and clean
	Mode     uint32 // unix: chmod
	OwnerUID int    // unix: -1 leaves it
	OwnerGID int
}

// Family says what kind of address a server has.
type Family string

// The families of HTTPServer and Socket.
const (
	Inet Family = "inet"
	Unix Family = "unix"
	TCP  Family = "tcp"
)

// GroupKind says which section made a group.
type GroupKind string

// The kinds of Group.
const (
	KindGroup    GroupKind = "group"         // [group:x]
	KindProgram  GroupKind = "program"       // a [program:x] outside any group
	KindListener GroupKind = "eventlistener" // [eventlistener:x]
	KindFCGI     GroupKind = "fcgi"          // an [fcgi-program:x] outside any group
)

// Group is a set of processes that are added, removed and compared together.
type Group struct {
	Section  string // "group:x", or the section of the program that is no group's
	Name     string
	Priority int
	Kind     GroupKind
	Programs []*Program // in the order in which they start
	Pool     *Pool      // KindListener only
}

// Pool holds what an [eventlistener:x] has beyond a program.
type Pool struct {
	BufferSize    int
	Policy        BufferPolicy
	Events        []string // upper case, sorted, each once
	ResultHandler string
	LenUnit       LenUnit
}

// LenUnit says what the len of an event's header counts.
type LenUnit string

// The values of len_unit=.
const (
	LenCharacters LenUnit = "characters" // as the original does
	LenBytes      LenUnit = "bytes"      // for listeners that read bytes
)

// Hook is a [hook:x]: a command that is run for each event that it wants.
type Hook struct {
	Name       string
	Events     []string // upper case, sorted, each once
	Programs   []string // patterns of the processes whose events it wants; nil: all
	Timeout    int      // seconds after which it is killed; 0: never
	Parallel   int      // so many may run at once
	BufferSize int      // so many events may wait
	Child      *Program // what is run: command, directory, umask, user and environment
}

// Socket is the shared listening socket of an [fcgi-program:x].
type Socket struct {
	URL     string // unix:///path or tcp://host:port
	Family  Family // Unix or TCP
	Path    string
	Host    string
	Port    int
	Backlog int // 0: the system's largest
	Mode    uint32
	Owner   *[2]int // uid, gid; nil: the program's user
}

// Autorestart says when a process that exited is started again.
type Autorestart string

// The values of autorestart=.
const (
	RestartNever      Autorestart = "false"
	RestartUnexpected Autorestart = "unexpected"
	RestartAlways     Autorestart = "true"
)

// OnFatal says what a program does to the daemon when it has become FATAL.
type OnFatal string

// The values of on_fatal=.
const (
	FatalIgnored     OnFatal = "ignore"
	FatalShutdown    OnFatal = "shutdown"          // stop everything and leave
	FatalShutdownAll OnFatal = "shutdown_when_all" // when no process of the section is left that could run
)

// OnExit says what a program does to the daemon when it has exited and is not
// started again.
type OnExit string

// The values of on_exit=.
const (
	ExitIgnored         OnExit = "ignore"
	ExitShutdown        OnExit = "shutdown"            // stop everything and leave
	ExitShutdownFailure OnExit = "shutdown_on_failure" // unless its code is one of exitcodes=
)

// Program is one process slot: a program section after numprocs and every
// expansion. All durations are whole seconds, as in the file.
type Program struct {
	Section string // "program:x", "fcgi-program:x" or "eventlistener:x"
	Group   string
	Name    string

	Command      string // not yet split into words
	Main         bool   // the command of a container's command line; it has our own input, output and terminal
	Directory    string // "": inherit
	Umask        int    // -1: inherit
	User         *Account
	PrimaryGroup string            // group= as written; User has it
	Groups       string            // groups= as written, "" for those of the user; User has them
	Login        *Login            // for HOME, USER, LOGNAME and SHELL; nil: not wanted
	Environment  map[string]string // [supervisord]'s, then the program's own over it
	Limits       Limits
	Env          EnvSources // what else the environment is made of
	ServerURL    string     // "": the Server's
	NoServerURL  bool       // serverurl= stands empty: the child is given none
	Priority     int
	Autostart    bool
	Autorestart  Autorestart
	StartSecs    int
	StartRetries int
	ExitCodes    []int
	StopSignal   syscall.Signal
	StopWaitSecs int
	StopAsGroup  bool
	KillAsGroup  bool
	KillTree     bool           // kill what the process has left behind when it has ended
	KillCgroup   bool           // and find it by a control group
	StopThen     []StopStep     // after stopsignal and stopwaitsecs, before the kill
	StopCommand  string         // is run in place of the stop signal; "": nothing is
	ReloadSignal syscall.Signal // what supervisorctl reload NAME sends

	ReloadCommand string // is run by supervisorctl reload NAME in place of ReloadSignal; "": nothing is
	ReloadTimeout int    // seconds after which that is killed

	OnFatal OnFatal
	OnExit  OnExit

	RedirectStderr bool
	LogRing        int // bytes of each channel to keep in memory where no file keeps them; 0: none
	Log            LineLog
	Stdout, Stderr Output
	Socket         *Socket // fcgi programs only
}

// Output is one channel, stdout or stderr, of a Program.
type Output struct {
	Auto            bool   // a temporary file that the daemon names
	Logfile         string // "": none (or Auto)
	MaxBytes        int64  // rotate when this long; 0: never
	Backups         int
	CaptureMaxBytes int64
	Events          bool
	Syslog          bool
	StripANSI       bool // from [supervisord] strip_ansi
}
