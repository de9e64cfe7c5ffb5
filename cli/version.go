package cli

import (
	"io"
	"runtime"
	"runtime/debug"
)

// versionView is what the binary knows of itself.
type versionView struct {
	Schema   string `json:"schema"` // cordon.version/1
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source, where the build recorded it
	Modified bool   `json:"modified,omitempty"`
	Time     string `json:"time,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (c *call) version() error {
	v := versionView{Schema: "cordon.version/1", Version: "(unknown)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version = info.Main.Version
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.time":
				v.Time = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	return c.show(v, func(w io.Writer) {
		field(w, "cordon", v.Version)
		if v.Revision != "" {
			field(w, "revision", v.Revision+" "+v.Time)
		}
		field(w, "go", v.Go+" "+v.Platform)
	})
}
