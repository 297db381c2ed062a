import Support
import Testing

@testable import Kernel

@Suite(.tags(.small))
struct CgroupPlacesTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let mounts: String
    let membership: String
    var unified, memory, pids: String?
  }

  static let cases: [Case] = [
    Case(
      testDescription: "hybrid, without systemd",
      mounts: """
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
        39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
        40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
        """,
      membership: "9:name=systemd:/\n8:pids:/\n4:memory:/process_api/9d3d\n1:cpu:/\n0::/\n",
      unified: "/sys/fs/cgroup/unified", memory: "/sys/fs/cgroup/memory/process_api/9d3d",
      pids: "/sys/fs/cgroup/pids"),
    Case(
      testDescription: "unified, in a user's scope",
      mounts: """
        25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw
        29 25 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 master:3 - cgroup2 cgroup2 rw,nsdelegate
        """,
      membership: "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n",
      unified: "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope"),
    Case(
      testDescription: "a container that sees its own part of the tree, by the paths of the whole",
      mounts: """
        29 25 0:26 /docker/abc /sys/fs/cgroup/unified ro,nosuid - cgroup2 cgroup rw
        30 25 0:27 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory
        """,
      membership: "5:memory:/docker/abc/inner\n0::/docker/abc\n",
      unified: "/sys/fs/cgroup/unified", memory: "/sys/fs/cgroup/memory/inner"),
    Case(
      testDescription: "a part of the tree that our group is not in, though its name begins alike",
      mounts: """
        29 25 0:26 /docker/abc /one rw - cgroup2 cgroup rw
        30 25 0:26 /docker/abcd/x /two rw - cgroup2 cgroup rw
        """,
      membership: "0::/docker/abcd\n"),
    Case(
      testDescription: "mounted twice: the first that shows our group",
      mounts: """
        29 25 0:26 /other /one rw - cgroup2 cgroup rw
        30 25 0:26 / /two rw - cgroup2 cgroup rw
        31 25 0:26 / /three rw - cgroup2 cgroup rw
        """,
      membership: "0::/a\n", unified: "/two/a"),
    Case(
      testDescription: "a cgroup namespace, which has a root of its own",
      mounts: "29 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", membership: "0::/\n",
      unified: "/sys/fs/cgroup"),
    Case(
      testDescription: "a group outside the cgroup namespace",
      mounts: "29 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", membership: "0::/../other\n"),
    Case(
      testDescription: "a mount from outside the cgroup namespace",
      mounts: "29 25 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n", membership: "0::/\n"),
    Case(
      testDescription: "controllers mounted together, and names with blanks and colons",
      mounts: #"30 25 0:27 /a\040b /sys/fs/my\040group\134s rw - cgroup cgroup rw,pids,memory"#,
      membership: "7:pids,memory:/a b/c:d e\n0::/\n",
      memory: #"/sys/fs/my group\s/c:d e"#, pids: #"/sys/fs/my group\s/c:d e"#),
    Case(testDescription: "no control groups", mounts: "25 30 0:23 / /sys rw - sysfs sysfs rw\n", membership: ""),
    Case(
      testDescription: "lines cut short", mounts: "25 30 0:23 / /sys rw -\n29 25 0:26 / /x rw - cgroup2\n7",
      membership: "0:\n0::/"),
  ]

  @Test(arguments: cases)
  func `our places are where the mounts show our groups`(example: Case) {
    let places = CgroupPlaces(mountInfo: example.mounts, membership: example.membership)
    #expect(places.unified == example.unified)
    #expect(places.memory == example.memory)
    #expect(places.pids == example.pids)
  }

  @Test
  func `a group belongs to the innermost systemd unit around it`() {
    #expect(SystemFacts.unit(of: "/sys/fs/cgroup/a.slice/b.scope/x/y") == "/sys/fs/cgroup/a.slice/b.scope")
    #expect(SystemFacts.unit(of: "/sys/fs/cgroup/a.slice") == "/sys/fs/cgroup/a.slice")
    #expect(SystemFacts.unit(of: "/sys/fs/cgroup/docker/abc") == nil)
  }
}
