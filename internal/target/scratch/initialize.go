package scratch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// initialize makes the server's data folder in f.
func initialize(ctx context.Context, bin Binary, f *folder, o Options) error {
	version, err := number(bin.Version)
	if err != nil {
		return err
	}
	args := append([]string{"--no-defaults", "--datadir=" + f.data(), "--tmpdir=" + f.tmp(), "--secure-file-priv="}, asUser()...)
	// A crash here loses a folder that nobody has used, so that nothing needs to reach the disk.
	args = append(args, relaxed()...)
	args = append(args, "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin")
	var input []byte
	if bin.Family == MySQL && version >= 50706 {
		args = append(args, "--initialize-insecure", "--loose-innodb-redo-log-capacity=8M",
			// Over a unix socket, which counts as safe, neither certificates nor keys are used; they take a second to make.
			"--loose-auto-generate-certs=0", "--loose-sha256-password-auto-generate-rsa-keys=0",
			"--loose-caching-sha2-password-auto-generate-rsa-keys=0")
	} else {
		args = append(args, "--bootstrap", "--skip-networking", "--max-allowed-packet=8M")
		if input, err = bootstrapScript(bin); err != nil {
			return err
		}
		for _, name := range []string{"mysql", "test"} {
			if err := os.Mkdir(filepath.Join(f.data(), name), 0o700); err != nil {
				return fmt.Errorf("scratch server: %w", err)
			}
		}
	}
	args = append(args, initArgs(o.Args)...)
	return runToEnd(ctx, bin, f, args, input, o.StartTimeout)
}

// runToEnd runs the server for a task that ends by itself.
func runToEnd(ctx context.Context, bin Binary, f *folder, args []string, input []byte, limit time.Duration) error {
	const what = "could not make its data folder"
	log, offset, err := openLog(f)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(bin.Path, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, f.path
	cmd.SysProcAttr = attributes(false)
	if input != nil {
		cmd.Stdin = bytes.NewReader(input)
	}
	p, err := launch(cmd)
	if err != nil {
		return fmt.Errorf("scratch server: %w", err)
	}
	f.state.PID = p.pid
	if err := f.writeState(); err != nil {
		return errors.Join(err, p.kill())
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		if p.err != nil {
			return failure(f, bin, offset, what, p.err)
		}
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("scratch server: %w", context.Cause(ctx)), p.kill())
	case <-timer.C:
		return errors.Join(failure(f, bin, offset, what, fmt.Errorf("not done after %v", limit)), p.kill())
	}
}

// bootstrapScript puts together what older servers read on --bootstrap, from the files that come with the server:
// the same ones, in the same order, as the server's own mysql_install_db or mariadb-install-db.
func bootstrapScript(bin Binary) ([]byte, error) {
	steps := []struct {
		names    []string // the first one that is there
		required bool
	}{
		{[]string{"mariadb_system_tables.sql", "mysql_system_tables.sql"}, true},
		{[]string{"mariadb_performance_tables.sql", "mysql_performance_tables.sql"}, false},
		{[]string{"mariadb_system_tables_data.sql", "mysql_system_tables_data.sql"}, true},
		{[]string{"fill_help_tables.sql"}, false},
		{[]string{"maria_add_gis_sp_bootstrap.sql"}, false},
		{[]string{"mariadb_sys_schema.sql", "mysql_sys_schema.sql"}, false},
	}
	var script bytes.Buffer
	// Where @auth_root_socket is NULL, MariaDB gives root an empty password rather than the name of a system account.
	script.WriteString("create database if not exists mysql;\nuse mysql;\nset @auth_root_socket=NULL;\n")
	for _, step := range steps {
		text, err := shared(bin, step.names)
		if errors.Is(err, os.ErrNotExist) && !step.required {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("scratch server: %s needs %s to make a data folder: %w; install the whole server package, or set LIFEBOAT_MYSQLD to another server",
				bin.Path, step.names[len(step.names)-1], err)
		}
		script.Write(text)
		script.WriteByte('\n')
	}
	return script.Bytes(), nil
}

// shared reads the first of the named files from the places that the server keeps such files in.
func shared(bin Binary, names []string) ([]byte, error) {
	for _, folder := range bin.share {
		for _, name := range names {
			if folder == "" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(folder, name))
			if !errors.Is(err, os.ErrNotExist) {
				return text, err
			}
		}
	}
	return nil, fmt.Errorf("%w below %s", os.ErrNotExist, bin.BaseDir)
}

func openLog(f *folder) (*os.File, int64, error) {
	log, err := os.OpenFile(f.log(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("scratch server: %w", err)
	}
	offset, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		log.Close()
		return nil, 0, fmt.Errorf("scratch server: %w", err)
	}
	return log, offset, nil
}
