# Makes the same calls of every supervisord, and prints for each call a line: its
# words, then the answer. What differs from one run to the next - pids, times,
# the directory - is replaced by a word. Called with a socket or URL, the
# configuration and the directory.
import os, re, sys, threading, time

where, conf, here = sys.argv[1:4]
server = connect(where, allow_none=True)


def plain(v, key=''):
    """An answer without what differs by chance, types and all."""
    if isinstance(v, dict):
        return {k: plain(x, k) for k, x in sorted(v.items())}
    if isinstance(v, list):
        return [plain(x) for x in v]
    if type(v) is int and key in ('start', 'stop', 'now', 'pid'):
        return 'SOME' if v else 0
    if isinstance(v, str):
        v = v.replace(here, 'DIR')
        v = re.sub(r'supervisor-[a-z0-9_]{8}\.log', 'supervisor-RANDOM.log', v)
        v = re.sub(r'pid \d+, uptime \d+:\d\d:\d\d', 'pid PID, uptime UP', v)
        v = re.sub(r'^[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M$', 'DATE', v)
    return v


def attempt(f):
    try:
        return repr(plain(f()))
    except xmlrpc.client.Fault as e:
        return 'FAULT %d %r' % (e.faultCode, plain(e.faultString))
    except xmlrpc.client.ProtocolError as e:
        return 'HTTP %d' % e.errcode


def method(name):
    return lambda *args: server._ServerProxy__request(name, args)  # whatever the name


def say(words, answer):
    print(words, '->', answer, flush=True)


def call(name, *args, sort=None):
    if '.' not in name:
        name = 'supervisor.' + name

    def run():
        v = method(name)(*args)
        return sorted(v, key=lambda x: str(x)) if sort else v
    say('%s%r' % (name, args), attempt(run))


def wait_for(what, condition):
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            say('waiting for ' + what, 'in vain')
            return
        time.sleep(0.02)


def state(name):
    return server.supervisor.getProcessInfo(name)['statename']


def wait_state(name, want):
    wait_for('%s to be %s' % (name, want), lambda: state(name) == want)


def start_lazy():
    """Starts it, and waits until it is deaf to TERM."""
    deaf = here + '/deaf'
    os.unlink(deaf)
    call('startProcess', 'lazy')
    wait_for('lazy to be deaf', lambda: os.path.exists(deaf))


def settle():
    for name in ('web', 'talker', 'pool:a', 'pool:b', 'nolog', 'lazy'):
        wait_state(name, 'RUNNING')
    wait_for('lazy to be deaf', lambda: os.path.exists(here + '/deaf'))
    wait_for('the words of talker', lambda: server.supervisor.tailProcessStdoutLog('talker', 0, 10)[1] == 161
             and server.supervisor.tailProcessStderrLog('talker', 0, 10)[1] == 11)


def introspection():
    call('system.listMethods')
    for name in server.system.listMethods():
        call('system.methodSignature', name)
        say('help of ' + name, type(server.system.methodHelp(name)).__name__)
    for name in ('nope', 'supervisor.nope', 'supervisor', '', 'system.multicall.x', 'supervisor._x'):
        call('system.methodSignature', name)
        call('system.methodHelp', name)
    for name in ('nope', 'nope.getState', 'supervisor.nope', 'supervisor.getState.x', 'supervisor._update', 'system.nope', 'supervisor.__init__'):
        call(name)
    call('system.listMethods', 1)
    call('system.methodHelp')


def the_supervisor():
    for name in ('getAPIVersion', 'getVersion', 'getIdentification', 'getState'):
        call(name)
        call(name, 'extra')
    say('getPID is a number', type(server.supervisor.getPID()).__name__)
    say('getSupervisorVersion is text', re.sub(r'^\d+\.\d+\.\d+$', 'X.Y.Z', server.supervisor.getSupervisorVersion()))
    call('sendRemoteCommEvent', 'type', 'data')
    call('sendRemoteCommEvent', 'type')
    call('sendRemoteCommEvent', 'a\nb', '')


def descriptions():
    call('getAllProcessInfo')
    for name in ('web', 'pool:a', 'pool:*', 'pool:', 'pool', 'nope', 'pool:nope', '', ':', '*', 'web:web', 'a'):
        call('getProcessInfo', name)
    call('getProcessInfo')
    call('getProcessInfo', 'web', 1)
    # Of a log of its own making the original shows the path at first, and auto
    # after a reread; releases before 4.3 do not show autorestart.
    infos = server.supervisor.getAllConfigInfo()
    for info in infos:
        info.pop('autorestart', None)
        for key in ('stdout_logfile', 'stderr_logfile'):
            if '---supervisor-' in info[key]:
                info[key] = 'auto'
    say('getAllConfigInfo', repr(plain(infos)))


def logs():
    for name in ('readProcessStdoutLog', 'readProcessLog', 'readProcessStderrLog'):
        for offset, length in ((0, 0), (0, 10), (5, 6), (-10, 0), (-1000, 0), (-5, 5), (0, -1), (5, -5), (1000, 0), (1000, 10), (161, 0), (0, 1000)):
            call(name, 'talker', offset, length)
        for who in ('nope', 'pool:*', 'nolog', 'never', ''):
            call(name, who, 0, 0)
        call(name, 'talker', '0', '10')
        call(name, 'talker', 0)
    for name in ('tailProcessStdoutLog', 'tailProcessLog', 'tailProcessStderrLog'):
        for offset, length in ((0, 10), (0, 0), (0, 1000), (1000, 10), (-10, 10), (0, -1), (100, 100), (161, 10), (160, 10), (0, 161), (11, 1)):
            call(name, 'talker', offset, length)
        for who in ('nope', 'pool:*', 'nolog', 'never'):
            call(name, who, 0, 100)
        call(name, 'talker', '0', '10')
    for name in ('readLog', 'readMainLog'):
        for offset, length in ((-5, 5), (0, -1), (0, 0)):
            say('%s %d %d' % (name, offset, length), attempt(lambda: type(method('supervisor.' + name)(offset, length)).__name__))
        say('%s, its first letter' % name, attempt(lambda: method('supervisor.' + name)(0, 1)))
        say('%s, beyond its end' % name, attempt(lambda: method('supervisor.' + name)(1 << 30, 1)))
    call('clearProcessLogs', 'talker')
    call('readProcessStdoutLog', 'talker', 0, 0)
    for who in ('talker', 'nope', 'pool:*', 'nolog', 'never'):
        call('clearProcessLog', who)
    call('clearProcessLogs')
    call('clearAllProcessLogs')
    call('clearLog')


def one_process():
    for name in ('startProcess', 'stopProcess', 'clearProcessLogs'):
        for who in ('nope', 'pool:nope', ''):
            call(name, who)
        call(name)
    call('startProcess', 'web')
    call('startProcess', 'web', False)
    call('stopProcess', 'web')
    call('getProcessInfo', 'web')
    call('stopProcess', 'web')
    call('startProcess', 'web', False)
    wait_state('web', 'RUNNING')
    call('stopProcess', 'web', False)
    wait_state('web', 'STOPPED')
    call('startProcess', 'web', 0)
    wait_state('web', 'RUNNING')
    call('stopProcess', 'web', 1)
    call('startProcess', 'web', 'yes')
    for who in ('nofile', 'noexec', 'noquote', 'quick', 'failing', 'once'):
        call('startProcess', who)
        wait_for(who, lambda: state(who) in ('FATAL', 'EXITED', 'STOPPED'))
        call('getProcessInfo', who)
        call('stopProcess', who)
    call('startProcess', 'nofile', False)
    began = time.monotonic()
    call('startProcess', 'slow')
    say('slow took its second', 0.9 < time.monotonic() - began < 5)
    call('stopProcess', 'slow')
    # One that does not stop at once.
    call('stopProcess', 'lazy', False)
    call('startProcess', 'lazy')
    call('startProcess', 'lazy', False)
    call('stopProcess', 'lazy')
    call('signalProcess', 'lazy', 'CONT')
    call('sendProcessStdin', 'lazy', 'x')
    call('removeProcessGroup', 'lazy')
    wait_state('lazy', 'STOPPED')
    start_lazy()


def groups():
    for name in ('startProcessGroup', 'stopProcessGroup'):
        for who in ('nope', 'pool:a', ''):
            call(name, who)
        call(name)
    call('startProcessGroup', 'pool')
    call('stopProcessGroup', 'pool', sort=True)  # both end at once
    call('stopProcessGroup', 'pool')
    call('startProcessGroup', 'pool', False)
    wait_state('pool:a', 'RUNNING')
    wait_state('pool:b', 'RUNNING')
    call('stopProcess', 'pool:*', sort=True)
    call('startProcess', 'pool:*')
    call('stopProcess', 'pool:', sort=True)
    call('startProcess', 'pool:', False)
    wait_state('pool:a', 'RUNNING')
    wait_state('pool:b', 'RUNNING')
    call('stopProcess', 'pool:a')
    call('startProcessGroup', 'pool')
    call('startProcessGroup', 'web')


def signals():
    for sig in ('CONT', 'SIGCONT', 'cont', 18, '18', '0', 0):
        call('signalProcess', 'web', sig)
    for sig in ('NOPE', '', '1000', 1000, '-1'):
        call('signalProcess', 'web', sig)
        call('signalProcessGroup', 'pool', sig)
    for who in ('nope', 'pool:nope', 'never', 'pool:*', 'pool:'):
        call('signalProcess', who, 'CONT')
    for who in ('nope', 'pool', 'never', 'pool:*'):
        call('signalProcessGroup', who, 'CONT')
    call('signalAllProcesses', 'CONT', sort=True)
    call('signalAllProcesses', 'NOPE')
    call('signalAllProcesses')
    call('signalProcess', 'web')


def stdin():
    call('sendProcessStdin', 'web', 'h\u00e9llo & <b>\n')
    wait_for('its echo', lambda: 'llo' in server.supervisor.readProcessStdoutLog('web', 0, 0))
    call('readProcessStdoutLog', 'web', 0, 0)
    call('sendProcessStdin', 'web', '')
    call('sendProcessStdin', 'nope', 'x')
    call('sendProcessStdin', 'pool:*', 'x')
    call('sendProcessStdin', 'never', 'x')
    call('sendProcessStdin', 'web', 5)
    call('sendProcessStdin', 'web')


def deferred():
    # A call that waits keeps nobody else waiting, nor another on its way.
    other, done = connect(where), []
    waiting = threading.Thread(target=lambda: done.append(connect(where).supervisor.startProcess('slow')))
    waiting.start()
    wait_for('slow to be on its way', lambda: other.supervisor.getProcessInfo('slow')['statename'] == 'STARTING')
    say('others are served while slow starts', not done)
    call('startProcess', 'slow')
    waiting.join()
    say('slow has started', done)
    # One that goes away does not undo what it began.
    other.supervisor.stopProcess('slow')
    gone = http_connection(where)
    body = xmlrpc.client.dumps(('slow', True), 'supervisor.startProcess')
    gone.request('POST', '/RPC2', body, dict(auth, **{'Content-Type': 'text/xml'}))
    wait_for('slow to be on its way', lambda: state('slow') == 'STARTING')
    gone.close()
    wait_state('slow', 'RUNNING')
    call('stopProcess', 'slow')


def multicall():
    def many(*calls):
        say('multicall ' + repr(calls), attempt(lambda: server.system.multicall(list(calls))))
    many()
    many({'methodName': 'supervisor.getState', 'params': []}, {'methodName': 'supervisor.getAPIVersion'})
    many({'methodName': 'supervisor.stopProcess', 'params': ['web']}, {'methodName': 'supervisor.stopProcess', 'params': ['web']},
         {'methodName': 'supervisor.startProcess', 'params': ['web']}, {'methodName': 'supervisor.startProcess', 'params': ['slow']},
         {'methodName': 'supervisor.stopProcess', 'params': ['slow']})
    many({'methodName': 'supervisor.getProcessInfo', 'params': ['nope']}, {'methodName': 'nope'}, {'params': []}, {'methodName': ''},
         {'methodName': 'system.multicall', 'params': [[]]}, {'methodName': 'supervisor.getState', 'params': [1]},
         {'methodName': 'supervisor.stopProcess', 'params': ['pool:a']}, {'methodName': 'supervisor.startProcessGroup', 'params': ['pool']})
    many({'methodName': 'system.listMethods'}, {'methodName': 'system.methodSignature', 'params': ['supervisor.getPID']}, {'methodName': 'system.methodSignature', 'params': ['x']})
    call('system.multicall')
    call('system.multicall', [], 1)


def configuration():
    before = open(conf).read()

    def write(text):
        with open(conf, 'w') as f:
            f.write(text)
    call('reloadConfig')
    write(before.replace('[program:web]', '[program:web]\nstopwaitsecs=7') + '\n[program:fresh]\ncommand=/bin/cat\nstartsecs=0\n')
    call('reloadConfig')
    call('addProcessGroup', 'nope')
    call('addProcessGroup', 'web')
    call('addProcessGroup', 'fresh')
    wait_state('fresh', 'RUNNING')
    call('addProcessGroup', 'fresh')
    call('removeProcessGroup', 'fresh')
    call('removeProcessGroup', 'nope')
    call('removeProcessGroup', 'pool:a')
    call('stopProcess', 'fresh')
    call('removeProcessGroup', 'fresh')
    call('removeProcessGroup', 'fresh')
    call('getProcessInfo', 'fresh')
    write(before.replace('[program:never]', '[x-program:never]'))
    call('reloadConfig')
    for broken in ('[program:x]\n', '[program:x]\ncommand=/bin/cat\nstartsecs=soon\n', '[group:x]\nprograms=nope\n'):
        write(before + broken)
        call('reloadConfig')
    write(before)
    call('reloadConfig')
    call('addProcessGroup')
    call('removeProcessGroup', 'web')


def wrong_types():
    for args in ((5,), (None,), (True,), (1.5,), ([],), ({},), (b'web',)):
        call('getProcessInfo', *args)
        call('stopProcess', *args)
    call('startProcess', 'web', [])
    call('readLog', 'x', 0)
    call('readLog', None, 0)
    call('readLog', 0.5, 0)
    call('readProcessStdoutLog', 'talker', [], 0)
    call('tailProcessStdoutLog', 'talker', 'x', 0)
    call('signalProcess', 'web', [])
    call('signalProcess', 'web', 1.5)
    call('system.multicall', 'x')
    call('system.multicall', [5])
    call('system.multicall', [{'methodName': 5}])
    call('system.multicall', [{'methodName': 'supervisor.getState', 'params': 5}])
    call('system.methodHelp', 5)


def wire():
    def ask(verb, path, body=None, **headers):
        c = http_connection(where)
        c.request(verb, path, body, dict(auth, **{k.replace('_', '-'): v for k, v in headers.items()}))
        r = c.getresponse()
        kind, text = r.getheader('Content-Type'), r.read().decode()
        say('%s %s %r %r' % (verb, path, (body or '')[:200], headers), '%d %s %s' % (r.status, kind, repr(plain(text)) if kind == 'text/xml' else ''))

    def post(body, **headers):
        ask('POST', '/RPC2', body, **headers)
    good = "<?xml version='1.0'?><methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall>"
    post(good)
    post(good, Content_Type='text/xml')
    post(good, Content_Type='application/x-www-form-urlencoded')
    ask('POST', '/RPC2/more', good)
    ask('POST', '/RPC2?x=y', good)
    ask('GET', '/RPC2')
    ask('HEAD', '/RPC2')
    ask('PUT', '/RPC2', good)
    for body in ('x', '<', '<a>', '<a/>', '<methodCall/>', '<methodCall><methodName/></methodCall>', good[:-1], good + 'x', good.replace("'1.0'", "'9'"),
                 '<methodCall><methodName>supervisor.getState</methodName><params><param><value><nope>1</nope></value></param></params></methodCall>',
                 '<methodCall><methodName>supervisor.getState</methodName><params><param><value><int>x</int></value></param></params></methodCall>'):
        post(body)

    def raw(param, name='supervisor.getProcessInfo'):
        post('<methodCall><methodName>%s</methodName><params><param><value>%s</value></param></params></methodCall>' % (name, param))
    raw('nope')
    raw('<string>nope</string>')
    raw('<string>no &lt;pe&gt; &amp;</string>')
    raw('<string><![CDATA[no <pe>]]></string>')
    raw('<string>&#65;&#x42;</string>')
    raw('<base64>bm9wZQ==</base64>')
    raw('<string>  nope </string>')
    raw('')


def ending():
    call('stopAllProcesses', sort=True)
    start_lazy()
    call('startProcess', 'web')
    call('shutdown')
    for name in ('getState', 'getPID', 'getSupervisorVersion', 'getAllProcessInfo', 'shutdown', 'restart', 'reloadConfig'):
        call(name)
    call('sendRemoteCommEvent', 'a', 'b')
    call('startProcess', 'web')
    say('listMethods', len(server.system.listMethods()))
    call('system.multicall', [{'methodName': 'supervisor.getState'}, {'methodName': 'system.methodSignature', 'params': ['supervisor.getPID']}])


auth = {}
if '@' in where:
    import base64
    auth = {'Authorization': 'Basic ' + base64.b64encode(where.split('//')[1].split('@')[0].encode()).decode()}

settle()
introspection()
the_supervisor()
descriptions()
logs()
one_process()
groups()
signals()
stdin()
deferred()
multicall()
configuration()
wrong_types()
wire()
ending()
