package daemon

import (
	"fmt"
	"os"

	"golang.org/x/term"

	"cordon/daemon/api"
)

// passphraseEnv is where a daemon that nobody sits at takes its passphrase from.
const passphraseEnv = "CORDON_PASSPHRASE"

// askPassphrase takes the passphrase from the environment, else from the
// terminal, without echo.
func askPassphrase(prompt string) (string, error) {
	if p := os.Getenv(passphraseEnv); p != "" {
		return p, nil
	}
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return "", &api.Error{
			Kind: api.Invalid,
			Text: "a passphrase is needed and there is no terminal to ask at",
			Try:  "set " + passphraseEnv + ", or make the home with --unattended",
		}
	}
	fmt.Fprint(os.Stderr, prompt)
	p, err := term.ReadPassword(fd)
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return "", fmt.Errorf("read passphrase: %w", err)
	}
	return string(p), nil
}

// newPassphrase asks for a passphrase to be set: twice at a terminal.
func newPassphrase() (string, error) {
	p, err := askPassphrase("passphrase for the root and store keys: ")
	if err != nil {
		return "", err
	}
	if os.Getenv(passphraseEnv) == "" {
		again, err := askPassphrase("once more: ")
		if err != nil {
			return "", err
		}
		if p != again {
			return "", invalid("the two passphrases differ")
		}
	}
	if len(p) < 8 {
		return "", invalid("a passphrase has at least 8 characters")
	}
	return p, nil
}
