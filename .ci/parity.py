#!/usr/bin/env python3
"""parity.py -- run the scenarios of a directory on the original and on ours.

usage: parity.py [-o FILE] [-k WORD] [-m MODE]... DIR

Three times, unless -m says which: our supervisord with our supervisorctl
(together), our supervisord with the original's supervisorctl (daemon), and the
original's supervisord with our supervisorctl (ctl).

DIR has ctldiff.py, which runs the scenarios and prints what differs. What may
differ stands in integration/known_different.txt, one a line:

    SCENARIO<TAB>REASON              the whole scenario
    SCENARIO:STEP<TAB>REASON         one step of it, as ctldiff prints it
    /REGEX/<TAB>REASON               lines anywhere, as the diff has them (with
                                     the + or - before them); a step of which
                                     every line is known is known
    ?...                             any of these, when it is a matter of luck
    [daemon] [ctl]                   what follows differs where that one of the
                                     two is ours
    [each] [together]                ... wherever one is; only where both are
    [original]                       ... only where the daemon is the original

Anything else that differs is a failure, and so is a line there, but for those
with a question mark, that nothing matches any more where it should. Without the
original, what was recorded of it is compared, with both ours; with CI=true that
is an error. FILE gets "scenarios PASSED FAILED SKIPPED".
"""
import argparse
import filecmp
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KNOWN = os.path.join(ROOT, 'integration', 'known_different.txt')
MODES = {'together': ('SUPERVISORD', 'SUPERVISORCTL', 'ECHO', 'PIDPROXY'), 'daemon': ('SUPERVISORD',), 'ctl': ('SUPERVISORCTL',)}
SECTIONS = {'together': ('together',), 'daemon': ('together', 'daemon'), 'ctl': ('together', 'ctl'), 'each': tuple(MODES),
            'original': ('ctl',)}
PROGRAMS = {'SUPERVISORD': 'supervisord', 'SUPERVISORCTL': 'supervisorctl',
            'ECHO': 'echo_supervisord_conf', 'PIDPROXY': 'pidproxy'}


class Known:
    """What may differ in a mode, and which of it was seen to differ."""

    def __init__(self, path, mode='together'):
        self.named, self.patterns = {}, {}
        self.used = set()  # and what need not be
        applies = True
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                line = line.rstrip('\n')
                if not line or line.startswith('#'):
                    continue
                if line[0] == '[':
                    if line[1:-1] not in SECTIONS or line[-1] != ']':
                        raise SystemExit('%s:%d: no such section' % (path, number))
                    applies = mode in SECTIONS[line[1:-1]]
                    continue
                name, tab, reason = line.partition('\t')
                if not tab or not reason.strip():
                    raise SystemExit('%s:%d: no reason' % (path, number))
                if not applies:
                    continue
                if name[0] == '?':
                    name = name[1:]
                    self.used.add(name)
                if len(name) > 2 and name[0] == name[-1] == '/':
                    self.patterns[name] = re.compile(name[1:-1])
                else:
                    self.named[name] = name.partition(':')[0]

    def allows(self, scenario, step, changes):
        for name in (scenario, scenario + ':' + step):
            if name in self.named:
                self.used.add(name)
                return True
        found = [[n for n, p in self.patterns.items() if p.match(c)] for c in changes]
        if not changes or not all(found):
            return False
        self.used.update(n for names in found for n in names)
        return True

    def stale(self, ran, whole):
        """What nothing matches any more, with its scenario if it has one."""
        for name, scenario in self.named.items():
            if name not in self.used and (whole or scenario in ran):
                yield name, scenario
        for name in self.patterns:
            if name not in self.used and whole:
                yield name, None


class Reader:
    """Follows what ctldiff prints: a verdict for each scenario, and below a
    failed one each step that differs, indented by two, and how, by four."""

    def __init__(self):
        self.differing = {}  # scenario: [(step, [changed lines])]
        self.passed, self.skipped = set(), set()
        self.steps = None

    def line(self, line):
        verdict = re.match(r'(PASS|FAIL|SKIP) (\S+)', line)
        if verdict:
            word, name = verdict.groups()
            self.steps = None
            if word == 'FAIL':
                self.steps = self.differing[name] = []
            else:
                (self.passed if word == 'PASS' else self.skipped).add(name)
        elif line.startswith('  (original bug, ours differs)'):
            self.steps = None
        elif self.steps is None:
            return
        elif re.match(r'  \S', line):
            self.steps.append((line[2:].split('   <> ')[0], []))
        elif re.match(r'    (both: |[+-](?!-- A$|\+\+ B$))', line) and self.steps:
            self.steps[-1][1].append(line[4:])


def judge(reader, known, whole):
    """Returns the scenarios that pass, those that fail, and complaints. whole
    says that every scenario was to run."""
    ok, bad, complaints = set(reader.passed), set(), []
    for scenario in sorted(reader.differing):
        unknown = differences(reader, known, scenario)
        (bad if unknown else ok).add(scenario)
        complaints += ['differs: %s: %s' % (scenario, s) for s in unknown]
    for name, scenario in known.stale(reader.passed | set(reader.differing), whole):
        ok.discard(scenario)
        bad.add(scenario or name)
        complaints.append('no longer differs: ' + name)
    return ok, bad, complaints


def differences(reader, known, scenario):
    """Lists the steps of a scenario that differ and are not known to."""
    steps = reader.differing[scenario]
    return [s for s, changes in steps if not known.allows(scenario, s, changes)] or ([] if steps else ['(no step)'])


class Printer:
    """Shows what ctldiff prints, scenario by scenario, but of known differences
    only that there are some."""

    def __init__(self, reader, known):
        self.reader, self.known, self.held = reader, known, []

    def line(self, line):
        self.held.append(line)

    def flush(self):
        held, self.held = self.held, []
        if not held:
            return
        failed = re.match(r'FAIL (\S+) (.*)', held[0])
        if failed and not differences(self.reader, self.known, failed.group(1)):
            held = ['PASS %s %s (with known differences)' % failed.groups()]
        print('\n'.join(held), flush=True)


class Runner:
    """Runs ctldiff over the scenarios of a directory."""

    def __init__(self, directory, word):
        self.directory, self.word = directory, word
        self.env = dict(os.environ)
        for variable, name in PROGRAMS.items():
            self.env['REAL_' + variable] = '/usr/bin/' + name

    def start(self, options, paths, env=None):
        command = [sys.executable, os.path.join(self.directory, 'ctldiff.py'), '-k', self.word] + options
        return subprocess.Popen(command + paths, env=env or self.env, stdout=subprocess.PIPE, text=True, errors='replace')

    def record(self, golden, into):
        """Asks the original. Where it does something else than it once did, it
        is asked again with the machine to itself: it may have been late."""
        self.start(['-j', '4', '--record', into], [self.directory]).communicate()
        for name in sorted(os.listdir(into)):
            was, path = os.path.join(golden, name), os.path.join(self.directory, name[:-len('.json')] + '.scn')
            if os.path.exists(was) and not filecmp.cmp(was, os.path.join(into, name), shallow=False):
                print('asking the original once more: ' + name[:-len('.json')], flush=True)
                self.start(['--record', into], [path]).communicate()

    def compare(self, mode, golden):
        """Compares ours with what was recorded of the original in golden."""
        known, reader = Known(KNOWN, mode), Reader()
        printer = Printer(reader, known)
        env = dict(self.env)
        for variable in MODES[mode]:
            env['OURS_' + variable] = os.path.join(ROOT, 'bin', PROGRAMS[variable])
        process = self.start(['-j', '4', '--golden', golden], [self.directory], env)
        for line in process.stdout:
            line = line.rstrip('\n')
            if re.fullmatch(r'\d+ passed, \d+ failed, \d+ skipped', line):
                continue  # it counts known differences as failures
            if line[:1] != ' ':
                printer.flush()
            reader.line(line)
            printer.line(line)
        printer.flush()
        process.wait()
        ok, bad, complaints = judge(reader, known, not self.word)
        for text in complaints:
            print('%s: %s' % (mode, text))
        if not ok and not bad:
            print('FAIL: no scenario was run')
            bad = {''}
        return len(ok), len(bad), len(reader.skipped)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('-o', metavar='FILE')
    ap.add_argument('-k', default='', metavar='WORD')
    ap.add_argument('-m', action='append', choices=sorted(MODES), metavar='MODE')
    ap.add_argument('dir')
    args = ap.parse_args()
    modes = args.m or list(MODES)
    runner = Runner(args.dir, args.k)
    golden = os.path.join(args.dir, 'golden')
    with tempfile.TemporaryDirectory() as fresh:
        if os.path.exists('/usr/bin/supervisord'):
            runner.record(golden, fresh)
            golden = fresh
        elif os.environ.get('CI') == 'true':
            print('FAIL: the original is not installed')
            return finish(args.o, 0, 1, 0)
        else:
            print('the original is not installed; comparing with what was recorded of it, with both ours')
            modes = ['together']
        total = [0, 0, 0]
        for mode in modes:
            print('== ' + mode, flush=True)
            counts = runner.compare(mode, golden)
            print('%s: %d passed, %d failed, %d skipped\n' % ((mode,) + counts), flush=True)
            total = [t + c for t, c in zip(total, counts)]
    return finish(args.o, *total)


def finish(path, passed, failed, skipped):
    print('scenarios: %d passed, %d failed, %d skipped' % (passed, failed, skipped))
    if path:
        with open(path, 'w') as f:
            f.write('scenarios %d %d %d\n' % (passed, failed, skipped))
    return 1 if failed or (skipped and os.environ.get('CI') == 'true') else 0


if __name__ == '__main__':
    sys.exit(main())
