// Package rig is what the demo and the benchmark stand on: the servers and client programs to run, commands shown as
// a person would type them, and fingerprints of databases.
package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"lifeboat/internal/target/scratch"
)

// Programs are one server's programs.
type Programs struct {
	Server    scratch.Binary
	folder    string // of the client programs; empty: PATH
	templates string
}

// Find looks for the server that LIFEBOAT_MYSQLD names, else for the first of kinds (folders of .servers below root) that
// has been unpacked. Client programs are taken from beside the server, else from PATH.
func Find(root string, kinds ...string) (Programs, error) {
	servers := filepath.Join(root, ".servers")
	p := Programs{templates: filepath.Join(servers, "templates")}
	named := os.Getenv("LIFEBOAT_MYSQLD")
	for _, kind := range kinds {
		bin := filepath.Join(servers, kind, "bin")
		if _, err := os.Stat(bin); err == nil && named == "" {
			named = bin
		}
	}
	if named == "" {
		return p, fmt.Errorf("no server in %s: run `make servers`, or set LIFEBOAT_MYSQLD to the path of a mysqld or mariadbd", servers)
	}
	server, err := scratch.Find(named)
	if err != nil {
		return p, err
	}
	p.Server, p.folder = server, filepath.Dir(server.Path)
	if _, err := p.Client("mysqldump"); err != nil {
		p.folder = ""
		if _, pathErr := p.Client("mysqldump"); pathErr != nil {
			return p, errors.Join(err, pathErr)
		}
	}
	return p, nil
}

// MariaDB reports whether the server is one.
func (p Programs) MariaDB() bool { return p.Server.Family == scratch.MariaDB }

// Client is the path of a client program by MySQL's name for it: mysql, mysqldump or mysqlbinlog.
func (p Programs) Client(name string) (string, error) {
	if p.MariaDB() {
		own := map[string]string{"mysql": "mariadb", "mysqldump": "mariadb-dump", "mysqlbinlog": "mariadb-binlog"}
		name = own[name]
	}
	if p.folder == "" {
		return exec.LookPath(name)
	}
	return exec.LookPath(filepath.Join(p.folder, name))
}

// Options are those of a scratch server below dir with further server options.
func (p Programs) Options(dir string, args ...string) scratch.Options {
	o := scratch.Options{Binary: p.Server.Path, Dir: dir, Args: args}
	// Copying a finished data folder is faster than making one, but only this repository's own folder is ours to fill.
	if _, err := os.Stat(filepath.Dir(p.templates)); err == nil {
		o.TemplateDir = p.templates
	}
	return o
}
