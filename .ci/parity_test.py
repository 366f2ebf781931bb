#!/usr/bin/env python3
"""Tests of parity.py: what it takes for known, and what it complains about."""
import os
import tempfile
import unittest

import parity

OUTPUT = """\
PASS alike (1.0s) two that agree
FAIL help (1.0s) words of our own
  $ ctl help
    --- A
    +++ B
    @@ -1,3 +1,3 @@
     exit 0
    -out| stop	Stop it
    +out| stop	Make it stop
FAIL broken (1.0s) two kinds of difference
  $ ctl one   <> $ ctl two
    --- A
    +++ B
    -exit 0
    +exit 1
  $ ctl three
    --- A
    +++ B
    +out| more
SKIP unknown (not recorded)
  (original bug, ours differs) $ ctl three
1 passed, 2 failed, 1 skipped
"""


def judge(known, whole=True, mode='together'):
    with tempfile.NamedTemporaryFile('w', suffix='.txt', delete=False) as f:
        f.write(known)
    try:
        reader = parity.Reader()
        for line in OUTPUT.split('\n'):
            reader.line(line)
        return parity.judge(reader, parity.Known(f.name, mode), whole)
    finally:
        os.unlink(f.name)


class Judging(unittest.TestCase):
    def check(self, known, ok, bad, complaints, whole=True, mode='together'):
        got = judge(known, whole, mode)
        self.assertEqual((sorted(got[0]), sorted(got[1]), len(got[2])), (ok, bad, complaints), got[2])

    def test_nothing_is_known(self):
        self.check('', ['alike'], ['broken', 'help'], 3)

    def test_a_whole_scenario_is_known(self):
        self.check('broken\tr\n', ['alike', 'broken'], ['help'], 1)

    def test_what_is_known_of_the_original_alone(self):
        for mode, ok in (('ctl', ['alike', 'broken']), ('daemon', ['alike']), ('together', ['alike'])):
            self.check('[original]\n?broken\tr\n', ok, ['help'] if len(ok) > 1 else ['broken', 'help'], 1 if len(ok) > 1 else 3, mode=mode)

    def test_one_of_two_steps_is_known(self):
        self.check('broken:$ ctl one\tr\n', ['alike'], ['broken', 'help'], 2)

    def test_both_steps_are_known(self):
        self.check('broken:$ ctl one\tr\nbroken:$ ctl three\tr\n', ['alike', 'broken'], ['help'], 1)

    def test_every_line_of_a_step_matches(self):
        self.check('/[+-]out\\| stop\\t/\tr\n', ['alike', 'help'], ['broken'], 2)

    def test_not_every_line_of_a_step_matches(self):
        self.check('/-out\\| stop\\t/\tr\n', ['alike'], ['/-out\\| stop\\t/', 'broken', 'help'], 4)

    def test_a_scenario_that_agrees_is_not_different(self):
        self.check('alike\tr\n', [], ['alike', 'broken', 'help'], 4)

    def test_a_scenario_that_is_gone(self):
        self.check('gone\tr\n', ['alike'], ['broken', 'gone', 'help'], 4)

    def test_a_scenario_that_was_not_to_run(self):
        self.check('gone\tr\n', ['alike'], ['broken', 'help'], 3, whole=False)

    def test_what_may_or_may_not_differ(self):
        self.check('?alike\tr\n?/nothing/\tr\n?help\tr\n', ['alike', 'help'], ['broken'], 2)

    def test_what_differs_with_our_daemon_alone(self):
        known = '[daemon]\nbroken\tr\nhelp\tr\n'
        self.check(known, ['alike', 'broken', 'help'], [], 0)
        self.check(known, ['alike', 'broken', 'help'], [], 0, mode='daemon')
        self.check(known, ['alike'], ['broken', 'help'], 3, mode='ctl')

    def test_what_differs_only_where_both_are_ours(self):
        self.check('[together]\nbroken\tr\nhelp\tr\n', ['alike'], ['broken', 'help'], 3, mode='daemon')

    def test_a_line_is_used_in_the_mode_that_it_is_for(self):
        self.check('[ctl]\nbroken\tr\nhelp\tr\nalike\tr\n[each]\n/nothing/\tr\n', ['broken', 'help'], ['/nothing/', 'alike'], 2, mode='ctl')
        self.check('[ctl]\nalike\tr\n[each]\nbroken\tr\nhelp\tr\n', ['alike', 'broken', 'help'], [], 0, mode='daemon')

    def test_a_section_that_is_none(self):
        for section in ('[deamon]', '[daemon'):
            with self.assertRaises(SystemExit):
                judge(section + '\n')

    def test_a_line_without_reason(self):
        with self.assertRaises(SystemExit):
            judge('broken\n')


if __name__ == '__main__':
    unittest.main(verbosity=0)
