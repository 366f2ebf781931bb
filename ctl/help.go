package ctl

// The help of each verb: a form of the command, tabs, what it does. Wrappers
// look for the forms; the descriptions are ours.
const (
	helpAdd = "add <name> [...]\tActivate groups that the configuration has and the daemon does not run yet\n"

	helpAvail = "avail\t\t\tList all processes of the configuration, in use or not\n"

	helpClear = "clear <name>\t\tEmpty the log files of a process\n" +
		"clear <name> <name>\tEmpty the log files of several processes\n" +
		"clear all\t\tEmpty the log files of all processes\n"

	helpCompletion = "completion bash|zsh|fish\tPrint the completion script of a shell\n" +
		"Ex:\n" +
		"source <(supervisorctl completion bash)\tin ~/.bashrc\n"

	helpExit = "exit\tLeave the shell\n"

	helpFg = "fg <process>\tTalk to a process: see its output, type its input\n" +
		"\t\tCtrl-C to exit\n"

	helpHelp = "help\t\tList the actions\n" +
		"help <action>\tSay how to use an action\n"

	helpEvents = "events\t\t\tWhat has happened, as far as the server knows, an event a line\n" +
		"events -f\t\tWhat happens from now on (Ctrl-C to exit)\n" +
		"events <name> ...\tThe same of these processes or groups only\n" +
		"events --pools\t\tThe pools of event listeners: what waits for them, and what they lost\n"

	helpLogs = "logs\t\t\tThe last 10 lines of each output of all processes, line by line\n" +
		"logs <name> <gname>:*\tOf these only\n" +
		"logs -f\t\t\tFollow them, and what is added\n" +
		"\t\t\tCtrl-C to exit.\n" +
		"logs -n 100 --stderr\tThe last 100 lines of each error output\n"

	helpMetrics = "metrics\t\t\tWhat is counted and measured, as Prometheus reads it\n"

	helpMaintail = "maintail -f \tFollow the log of supervisord (Ctrl-C to exit)\n" +
		"maintail -100\tThe last 100 *bytes* of the log of supervisord\n" +
		"maintail\tThe last 1600 *bytes* of the log of supervisord\n\n"

	helpOpen = "open <url>\tTalk to another supervisord from here on.\n" +
		"\t\t(a UNIX domain socket is unix:///socket/path)\n"

	helpPID = "pid\t\t\tThe process id of supervisord\n" +
		"pid <name>\t\tThe process id of a process\n" +
		"pid all\t\t\tThe process ids of all processes, one a line\n"

	helpQuit = "quit\tLeave the shell\n"

	helpReload = "reload \t\t\tMake supervisord stop everything and start over\n" +
		"reload <name> [...]\tRun the reload_command of each process, or send it its\n" +
		"\t\t\treload_signal (default: HUP); also <gname>:* and all\n"

	helpRemove = "remove <name> [...]\tTake groups that are stopped out of the running daemon\n"

	helpReread = "reread \t\t\tRead the configuration again and list what differs; change nothing\n" +
		"reread --diff\t\tThe same, key by key\n"

	helpRestart = "restart <name>\t\tStop and start a process\n" +
		"restart <gname>:*\tStop and start the processes of a group\n" +
		"restart <name> <name>\tStop and start several processes or groups\n" +
		"restart all\t\tStop and start all processes\n" +
		"Note: this uses the configuration as it was last read; reread and update read it again.\n"

	helpShutdown = "shutdown \tMake supervisord stop everything and end\n"

	helpSignal = "signal <signal name> <name>\t\tSend a signal to a process\n" +
		"signal <signal name> <gname>:*\t\tSend a signal to the processes of a group\n" +
		"signal <signal name> <name> <name>\tSend a signal to several processes or groups\n" +
		"signal <signal name> all\t\tSend a signal to all processes\n"

	helpStart = "start <name>\t\tStart a process\n" +
		"start <gname>:*\t\tStart the processes of a group\n" +
		"start <name> <name>\tStart several processes or groups\n" +
		"start all\t\tStart all processes\n"

	helpStatus = "status <name>\t\tShow one process\n" +
		"status <gname>:*\tShow the processes of a group\n" +
		"status <name> <name>\tShow several processes or groups\n" +
		"status\t\t\tShow all processes\n"

	helpStop = "stop <name>\t\tStop a process\n" +
		"stop <gname>:*\t\tStop the processes of a group\n" +
		"stop <name> <name>\tStop several processes or groups\n" +
		"stop all\t\tStop all processes\n"

	helpTail = "tail [-f] <name> [stdout|stderr] (default stdout)\n" +
		"Ex:\n" +
		"tail -f <name>\t\tFollow the output of a process\n" +
		"\t\t\tCtrl-C to exit.\n" +
		"tail -100 <name>\tThe last 100 *bytes* of its output\n" +
		"tail <name> stderr\tThe last 1600 *bytes* of its error output\n"

	helpOrphans = "orphans\t\t\tList the processes that supervisord has adopted, and the programs that they come from\n"

	helpTop = "top\t\t\tShow what all processes take of the machine, their descendants included\n" +
		"top <name> <gname>:*\tThe same for some of them\n" +
		"\t\t\tOn a terminal it goes on until q; c m f t p u r n s sort\n"

	helpUpdate = "update\t\t\tRead the configuration again and make it so: add, restart and remove groups\n" +
		"update all\t\tThe same\n" +
		"update <gname> [...]\tThe same for these groups only\n" +
		"update --dry-run [...]\tRead it again and say what the update would do; start and stop nothing\n"

	helpVersion = "version\t\t\tThe version of supervisord\n"

	helpWait = "wait <name>\t\tWait until a process is running\n" +
		"wait <gname>:* <name>\tWait until each of them is\n" +
		"wait all\t\tWait until all processes are\n" +
		"wait --for=exited <name> Wait for another state\t(1 as soon as it is out of reach)\n"

	helpWhy = "why <name>\t\tSay why a process is in its state: what happened to it, what it waits for, what it wrote last\n" +
		"why <gname>:*\t\tThe same for the processes of a group\n" +
		"why all\t\t\tThe same for all processes\n"
)

// usage is what -h prints.
const usage = `supervisorctl -- control applications run by supervisord from the cmd line.

Usage: %s [options] [action [arguments]]

Options:
-c/--configuration FILENAME -- the configuration file (default: search for it)
-h/--help -- print this text and exit
-i/--interactive -- ask before actions that end or restart supervisord
-s/--serverurl URL -- where supervisord listens: unix://PATH, http://HOST:PORT
     or https://HOST (default "http://localhost:9001"); given several times,
     the action goes to each of the servers
-u/--username USERNAME -- the user name that the server asks for
-p/--password PASSWORD -- the password that the server asks for
-r/--history-file FILENAME -- keep the lines typed in the shell in this file

action [arguments] -- what to do, such as "status" or "tail -f web"; the action
"help" lists them all. Without an action a shell reads one a line.
`
