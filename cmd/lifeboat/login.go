package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"lifeboat/internal/target"
	"lifeboat/internal/ui"
)

func defaultsFlag() cli.Flag {
	return stringFlag("defaults-file", "", "take user, password, host, port and socket from the [client] section of this my.cnf `FILE`")
}

// readLogin gathers what the name of a server, which a flag gives, may leave out. The password comes from the first environment
// variable that is set, else from the terminal if it is to be asked for, else from the defaults file.
func readLogin(c *cli.Context, flag string, passwords ...string) (l target.Login, err error) {
	if path := c.String("defaults-file"); path != "" {
		if l, err = readDefaults(path); err != nil {
			return l, err
		}
	}
	for _, name := range passwords {
		if v, ok := os.LookupEnv(name); ok {
			l.Password = v
			return l, nil
		}
	}
	if c.Bool("ask-password") {
		l.Password, err = askPassword(c.Context, flag)
	}
	return l, err
}

func askFlag() cli.Flag {
	return boolFlag("ask-password", "ask at the terminal for each password that no environment variable has")
}

func askPassword(ctx context.Context, flag string) (string, error) {
	password, err := ui.AskSecret(ctx, "Password for --"+flag+": ")
	switch {
	case errors.Is(err, ui.ErrNoTerminal):
		return "", usagef("--ask-password: %w; the password may also come from LIFEBOAT_PASSWORD or --defaults-file", err)
	case errors.Is(err, ui.ErrGivenUp):
		return "", interrupted("nothing was changed")
	case err != nil:
		return "", fmt.Errorf("--ask-password: %w", err)
	}
	return password, nil
}

// openServer connects, and says what to look at where it cannot. flag named the server.
func openServer(ctx context.Context, flag, dsn string, o *target.Options) (*target.Server, error) {
	s, err := target.Open(ctx, dsn, o)
	switch {
	case errors.Is(err, target.ErrAccess):
		return nil, fmt.Errorf("%w; check the user in %s, and its password, which may also come from LIFEBOAT_PASSWORD or --defaults-file", err, flag)
	case errors.Is(err, target.ErrUnreached):
		return nil, fmt.Errorf("%w; check the address in %s", err, flag)
	}
	return s, err
}

// readDefaults reads the sections [client] and [lifeboat] of an option file as MySQL's programs do, !include aside.
func readDefaults(path string) (l target.Login, err error) {
	f, err := os.Open(path)
	if err != nil {
		return l, fmt.Errorf("--defaults-file: %w", err)
	}
	defer f.Close()
	fields := map[string]*string{"user": &l.User, "password": &l.Password, "host": &l.Host, "port": &l.Port, "socket": &l.Socket}
	wanted, found := false, false
	in := bufio.NewScanner(f)
	for in.Scan() {
		line := strings.TrimSpace(in.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			section := strings.TrimSpace(strings.Trim(line, "[]"))
			wanted = section == "client" || section == "lifeboat"
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		if field := fields[strings.TrimSpace(name)]; field != nil && wanted {
			*field, found = optionValue(value), true
		}
	}
	if err := in.Err(); err != nil {
		return l, fmt.Errorf("--defaults-file %s: %w", path, err)
	}
	if !found {
		return l, fmt.Errorf("--defaults-file %s: its section [client] has none of user, password, host, port and socket", path)
	}
	return l, nil
}

// optionValue reads a value of an option file: perhaps in quotes, with the escapes those files know; a comment
// after it is no part of it.
func optionValue(s string) string {
	s = strings.TrimSpace(s)
	if s != "" && (s[0] == '\'' || s[0] == '"') {
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			s = s[1 : end+1]
		}
	} else if i := strings.Index(s, " #"); i >= 0 {
		s = strings.TrimSpace(s[:i])
	}
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\s`, " ", `\"`, `"`, `\'`, `'`).Replace(s)
}
