package target

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// errDSN does not quote what was given: it may hold a password.
var errDSN = errors.New("the server's name is not understood: write user@tcp(host:3306)/ or root@unix(/path/mysqld.sock)/")

// Login holds what a data source name may leave out.
type Login struct{ User, Password, Host, Port, Socket string }

// Complete fills in what dsn leaves out.
func (l Login) Complete(dsn string) (string, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "", errDSN
	}
	if cfg.User == "" {
		cfg.User = l.User
	}
	if cfg.Passwd == "" {
		cfg.Passwd = l.Password
	}
	if !namesAddress(dsn) {
		switch {
		case l.Socket != "" && (l.Host == "" || l.Host == "localhost"):
			cfg.Net, cfg.Addr = "unix", l.Socket
		case l.Host != "" || l.Port != "":
			host, port := l.Host, l.Port
			if host == "" {
				host = "127.0.0.1"
			}
			if port == "" {
				port = "3306"
			}
			cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(host, port)
		}
	}
	return cfg.FormatDSN(), nil
}

// namesAddress reports whether something stands between the user and the last slash.
func namesAddress(dsn string) bool {
	i := strings.LastIndexByte(dsn, '/')
	if i < 0 {
		return false
	}
	return dsn[strings.LastIndexByte(dsn[:i], '@')+1:i] != ""
}

// PublicDSN is dsn without its password, for people to read.
func PublicDSN(dsn string) (string, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "", errDSN
	}
	cfg.Passwd = ""
	return cfg.FormatDSN(), nil
}

// Name says which server it is, without credentials: root@unix(/run/x.sock), MySQL 9.7.4.
func (s *Server) Name() string {
	version, _, _ := strings.Cut(strings.TrimPrefix(s.Version, "5.5.5-"), "-")
	return fmt.Sprintf("%s@%s(%s), %s %s", s.config.User, s.config.Net, s.config.Addr, Family(s.MariaDB), version)
}

// Family is the name of a server's family.
func Family(mariaDB bool) string {
	if mariaDB {
		return "MariaDB"
	}
	return "MySQL"
}
