from __future__ import annotations

import pytest

from datasource.model import IpsecFailures
from datasource.xfrm.codec import XfrmError
from datasource.xfrm.statistics import failures, parse

# Linux 6.18, with a number of its own for each counter.
TEXT = """\
XfrmInError             \t1
XfrmInBufferError       \t2
XfrmInHdrError          \t4
XfrmInNoStates          \t8
XfrmInStateProtoError   \t16
XfrmInStateModeError    \t32
XfrmInStateSeqError     \t64
XfrmInStateExpired      \t128
XfrmInStateMismatch     \t256
XfrmInStateInvalid      \t512
XfrmInTmplMismatch      \t1024
XfrmInNoPols            \t2048
XfrmInPolBlock          \t4096
XfrmInPolError          \t8192
XfrmOutError            \t16384
XfrmOutBundleGenError   \t32768
XfrmOutBundleCheckError \t65536
XfrmOutNoStates         \t131072
XfrmOutStateProtoError  \t262144
XfrmOutStateModeError   \t524288
XfrmOutStateSeqError    \t1048576
XfrmOutStateExpired     \t2097152
XfrmOutPolBlock         \t4194304
XfrmOutPolDead          \t8388608
XfrmOutPolError         \t16777216
XfrmFwdHdrError         \t33554432
XfrmOutStateInvalid     \t67108864
XfrmAcquireError        \t134217728
XfrmOutStateDirError    \t268435456
XfrmInStateDirError     \t536870912
XfrmInIptfsError        \t1073741824
XfrmOutNoQueueSpace     \t2147483648
"""


def test_every_counter_is_read() -> None:
    counters = parse(TEXT)
    assert list(counters.values()) == [2**power for power in range(32)]
    assert counters["XfrmInError"] == 1
    assert counters["XfrmOutBundleCheckError"] == 65536


def test_what_counts_as_a_failure() -> None:
    assert failures(parse(TEXT)) == IpsecFailures(
        protocol_use=4 + 16 + 32 + 256 + 262144 + 524288,
        no_sa=8,
        system_capacity=2 + 2147483648,
    )


def test_a_kernel_with_fewer_counters() -> None:
    assert failures(parse("XfrmInNoStates\t7\nXfrmInBufferError\t3\n")) == IpsecFailures(
        protocol_use=None, no_sa=7, system_capacity=3
    )
    assert failures(parse("")) == IpsecFailures()


@pytest.mark.parametrize(
    "line",
    ["", "XfrmInError", "XfrmInError 1", "a\t-1", "a\t1_0", "a\t1\t2", "a\t²", "a\t" + "9" * 21],
)
def test_a_malformed_line_is_named(line: str) -> None:
    with pytest.raises(XfrmError) as caught:
        parse(f"XfrmInHdrError\t1\n{line}\n")
    assert repr(line[:80]) in str(caught.value)
