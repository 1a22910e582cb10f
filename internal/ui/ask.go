package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Why a question has no answer.
var (
	ErrNoTerminal = errors.New("there is no terminal to ask at")
	ErrGivenUp    = errors.New("the question was interrupted") // Ctrl-C, or Ctrl-D
)

// AskSecret asks whoever sits at the terminal, which may be another place than standard input, and shows nothing of the answer. It leaves the
// terminal as it was.
func AskSecret(ctx context.Context, question string) (answer string, err error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoTerminal, err)
	}
	defer tty.Close()
	fd := int(tty.Fd())
	was, err := term.MakeRaw(fd) // before the question, or what is typed at once is shown
	if err != nil {
		return "", fmt.Errorf("the terminal: %w", err)
	}
	defer func() { err = errors.Join(err, term.Restore(fd, was)) }()
	type reply struct {
		text string
		err  error
	}
	given := make(chan reply, 1)
	go func() {
		text, err := term.NewTerminal(tty, "").ReadPassword(question)
		given <- reply{text, err}
	}()
	select {
	case r := <-given:
		switch {
		case r.err == io.EOF:
			return "", ErrGivenUp
		case r.err != nil:
			return "", fmt.Errorf("the terminal: %w", r.err)
		}
		return r.text, nil
	case <-ctx.Done(): // the reading ends with the process
		return "", ctx.Err()
	}
}
