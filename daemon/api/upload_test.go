package api

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// TestUnreadableUpload: a file that cannot be read to its end is said as that; it
// is no sign that the daemon does not run.
func TestUnreadableUpload(t *testing.T) {
	c := fake(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	file := io.MultiReader(strings.NewReader("the beginning"), iotest.ErrReader(errors.New("the disk says no")))
	_, err := c.Attach(t.Context(), "k", Attach{File: "f"}, file)
	var e *Error
	if !errors.As(err, &e) || e.Kind != Internal || e.Text != "the disk says no" {
		t.Errorf("%v", err)
	}
}
