package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lifeboat/internal/ui"
)

// Errors of the command line itself.
var (
	errUsage       = errors.New("wrong usage")
	errInterrupted = errors.New("interrupted")
	errIncomplete  = errors.New("done, but incomplete")
	// An archive's state as audit reports it.
	errArchiveGap     = errors.New("the archive is incomplete")
	errArchiveCorrupt = errors.New("the archive is damaged")
)

// env is the world outside of a command, so that tests can stand in for it.
type env struct {
	stdout, stderr                 io.Writer
	stdoutTerminal, stderrTerminal bool
	version                        string
	now                            func() time.Time // nil: the clock
}

func (e *env) time() time.Time {
	if e.now != nil {
		return e.now().UTC()
	}
	return time.Now().UTC()
}

func (e *env) tool() string { return "lifeboat " + e.version }

// run runs one command line and returns its exit code.
func run(ctx context.Context, e *env, args []string) int {
	err := newApp(e).RunContext(ctx, args)
	if err != nil && errors.Is(context.Cause(ctx), errInterrupted) && !errors.Is(err, errInterrupted) && exitCode(err) != exitIncomplete {
		err = interrupted("nothing was changed")
	}
	code := exitCode(err)
	var said *reported
	switch {
	case err == nil, errors.As(err, &said):
	case wantsJSON(args):
		e.jsonError(err, code)
	default:
		fmt.Fprintln(e.stderr, "lifeboat: "+oneLine(err.Error()))
		var more interface{ details() string }
		if errors.As(err, &more) {
			fmt.Fprint(e.stderr, more.details())
		}
	}
	return code
}

// jsonError writes an error in the form of --progress json.
func (e *env) jsonError(err error, code int) {
	line := struct {
		Schema   string    `json:"schema"`
		Type     string    `json:"type"`
		Time     time.Time `json:"time"`
		ExitCode int       `json:"exit_code"`
		Error    string    `json:"error"`
		Choices  any       `json:"choices,omitempty"`
		Logs     []logPart `json:"logs,omitempty"`
	}{Schema: ui.Schema, Type: "error", Time: time.Now().UTC(), ExitCode: code, Error: oneLine(err.Error())}
	var refusal *incidentRefusal
	if errors.As(err, &refusal) {
		line.Choices = refusal
	}
	var several *severalLogs
	if errors.As(err, &several) {
		line.Logs = several.parts()
	}
	out := json.NewEncoder(e.stderr)
	out.SetEscapeHTML(false)
	if err := out.Encode(line); err != nil {
		fmt.Fprintln(e.stderr, "lifeboat: "+oneLine(err.Error()))
	}
}

// wantsJSON looks for --progress json by hand, since errors of the command line have to know too.
func wantsJSON(args []string) bool {
	form := os.Getenv("LIFEBOAT_PROGRESS")
	for i, a := range args {
		v, ok := strings.CutPrefix(strings.TrimPrefix(a, "-"), "-progress")
		switch {
		case !ok:
		case v == "" && i+1 < len(args):
			form = args[i+1]
		case strings.HasPrefix(v, "="):
			form = v[1:]
		}
	}
	return form == string(ui.JSON)
}

// oneLine joins an error that was joined from several, and leaves no control characters of the inputs in it.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

// reported is an outcome that the command has already told; it only carries the exit code.
type reported struct{ err error }

func (r *reported) Error() string { return r.err.Error() }
func (r *reported) Unwrap() error { return r.err }

func usagef(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errUsage, fmt.Errorf(format, args...))
}

func interrupted(what string) error { return fmt.Errorf("%w: %s", errInterrupted, what) }

func newApp(e *env) *cli.App {
	app := &cli.App{
		Name:                      "lifeboat",
		HelpName:                  "lifeboat",
		Usage:                     "bring a MySQL or MariaDB database back from a full backup and archived binlogs",
		Version:                   e.version,
		Writer:                    e.stdout,
		ErrWriter:                 e.stderr,
		EnableBashCompletion:      true,
		DisableSliceFlagSeparator: true, // GTID sets hold commas
		HideVersion:               true,
		ExitErrHandler:            func(*cli.Context, error) {}, // only main ends the process
		OnUsageError:              usageError,
		Commands:                  []*cli.Command{auditCommand(e), planCommand(e), restoreCommand(e), verifyCommand(e), versionCommand(e), completionCommand(e)},
	}
	app.Action = func(c *cli.Context) error {
		if name := c.Args().First(); name != "" {
			return noSuchCommand(app, name)
		}
		app.Writer = e.stderr
		if err := cli.ShowAppHelp(c); err != nil {
			return err
		}
		return &reported{errUsage}
	}
	ownHelp(app)
	for _, c := range app.Commands {
		c.OnUsageError = usageError
		action := c.Action
		c.Action = func(c *cli.Context) error {
			if extra := c.Args().First(); extra != "" && c.Command.ArgsUsage == "" {
				return usagef("%q is not a flag of lifeboat %s, nor the value of one", extra, c.Command.Name)
			}
			return action(c)
		}
	}
	return app
}

func commandNames(app *cli.App) (names []string) {
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "help" })
}

func usageError(c *cli.Context, err error, _ bool) error {
	text := err.Error()
	// A bad value may be a password that slipped into the wrong place: name the flag, not the value.
	if flag, ok := strings.CutPrefix(text, "invalid value "); ok {
		if i := strings.Index(flag, " for flag "); i >= 0 {
			text = "the value given for " + flag[i+len(" for flag "):]
		}
	}
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		text = fmt.Sprintf("there is no flag --%s", strings.TrimLeft(name, "-"))
		if s := cli.SuggestFlag(c.Command.Flags, strings.TrimLeft(name, "-"), false); s != "" {
			text += fmt.Sprintf(" (did you mean %s?)", s)
		}
	}
	return usagef("%s; lifeboat %s--help lists the flags", text, commandPart(c))
}

func commandPart(c *cli.Context) string {
	if c.Command == nil || c.Command.Name == "" || c.Command.Name == "lifeboat" {
		return ""
	}
	return c.Command.Name + " "
}

func versionCommand(e *env) *cli.Command {
	return &cli.Command{Name: "version", Usage: "print the version", Action: func(*cli.Context) error {
		_, err := fmt.Fprintln(e.stdout, e.tool())
		return err
	}}
}
