package ledgerbench

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// The lines of /proc/PID/status about memory in RAM.
const (
	NowResident  = "VmRSS:"
	MostResident = "VmHWM:" // ever
)

// Memory is a line of a process's status, in MiB.
func Memory(pid int, line string) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), line); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("no %s of process %d", line, pid)
}
