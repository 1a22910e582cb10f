package torture

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeboat/internal/target"
	"lifeboat/internal/testserver"
	"lifeboat/internal/testserver/dbstate"
)

const planted = "Planted-Secret-4711"

// TestSecrets plants a password in every place that it may come from, fails in every way that has to do with a server, and looks for it in
// all that comes out: output, files, the stacks that a panic prints. What lifeboat writes is for its owner alone.
func TestSecrets(t *testing.T) {
	kind := testserver.MySQL97
	s, tiny := newScene(t, kind, "FULL"), tinyScene(t, kind)
	to := testserver.Start(t, kind)
	db := testserver.Open(t, to)
	exec1(t, db, "CREATE USER lb@localhost IDENTIFIED BY '"+planted+"'; GRANT ALL ON *.* TO lb@localhost; CREATE USER weak@localhost IDENTIFIED BY '"+planted+"'")
	proxy := testserver.NewProxy(t, to.Socket())
	socket := "lb@unix(" + to.Socket() + ")/"
	dir := t.TempDir()
	option := filepath.Join(dir, "my.cnf")
	must(t, os.WriteFile(option, []byte("[client]\npassword="+planted+"\n"), 0o600))
	bad := filepath.Join(dir, "bad.cnf")
	must(t, os.WriteFile(bad, []byte("[client]\npass word "+planted+"\n"), 0o600))
	inputs := []string{"--binlogs", s.binlogs, "--snapshot", s.dump, "--database", shop}
	env := []string{"LIFEBOAT_PASSWORD=" + planted}
	plan, dump := filepath.Join(dir, "plan.json"), filepath.Join(dir, "dump")
	for _, c := range []struct {
		name string
		code int
		env  []string
		args []string
	}{
		{"a plan", 0, env, append([]string{"plan", "-o", plan}, inputs...)},
		{"an audit", 0, env, append([]string{"audit", "-o", filepath.Join(dir, "audit.json"), "--format", "json"}, inputs...)},
		{"a wrong password", 1, []string{"LIFEBOAT_PASSWORD=x" + planted}, append([]string{"restore", "--target", proxy.As("lb")}, inputs...)},
		{"no privileges", 1, env, append([]string{"restore", "--target", proxy.As("weak")}, inputs...)},
		{"nobody there", 1, env, append([]string{"restore", "--target", "lb@tcp(127.0.0.1:1)/"}, inputs...)},
		{"a DSN that is none", 64, env, append([]string{"restore", "--target", "lb:" + planted + "@tcp(127.0.0.1/"}, inputs...)},
		{"a DSN with an unknown setting", 64, env, append([]string{"restore", "--target", "lb:" + planted + "@tcp(127.0.0.1:1)/?tls=" + planted}, inputs...)},
		{"a password in place of a time", 64, env, append([]string{"restore", "--target", proxy.As("lb"), "--network-timeout", planted}, inputs...)},
		{"an option file without a login", 1, nil, append([]string{"restore", "--target", proxy.As("lb"), "--defaults-file", bad}, inputs...)},
		{"a dry run", 0, env, append([]string{"restore", "--dry-run", "--target", socket}, inputs...)},
		{"a restore", 0, nil, append([]string{"restore", "--target", socket, "--defaults-file", option, "--format", "json"}, inputs...)},
		{"a dump", 0, env, []string{"restore", "--output", dump, "--binlogs", tiny.binlogs, "--snapshot", tiny.dump, "--database", shop}},
		{"a target that holds the database", 1, nil, append([]string{"restore", "--target", "lb:" + planted + "@unix(" + to.Socket() + ")/"}, inputs...)},
		{"a comparison", 0, env, []string{"verify", "--target", socket, "--against", socket, "--database", shop}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, progress := range []string{"plain", "json"} {
				switch c.name {
				case "a restore":
					exec1(t, db, "DROP DATABASE IF EXISTS "+shop)
				case "a dump":
					must(t, os.RemoveAll(dump))
				}
				e := lifeboat(t, dir, c.env, append(c.args, "--progress", progress)...)
				if strings.Contains(e.said, planted) {
					t.Errorf("the password is in what it says:\n%s", e.said)
				}
				if e.code != c.code {
					t.Errorf("exit %d, want %d:\n%s", e.code, c.code, e.said)
				}
			}
		})
	}
	t.Run("stopped half-way", func(t *testing.T) {
		exec1(t, db, "DROP DATABASE IF EXISTS "+shop)
		proxy.Arm(testserver.CutBefore, 300, false)
		e := lifeboat(t, dir, env, append([]string{"restore", "--target", proxy.As("lb") + "?tls=skip-verify", "--retry-for", "0s", "--progress", "plain"}, inputs...)...).want(t, 1, "lifeboat restore ", "goes on from its last checkpoint")
		if strings.Contains(e.said, planted) {
			t.Errorf("the password is in what it says:\n%s", e.said)
		}
		for _, r := range dbstate.Texts(t, db, "SELECT state FROM _lifeboat.job") {
			if strings.Contains(r[0], planted) {
				t.Error("the password is in the checkpoint")
			}
		}
	})
	t.Run("what a panic prints", func(t *testing.T) { // which is what SIGQUIT prints: the stacks of all goroutines, in the middle of the work
		exec1(t, db, "DROP DATABASE IF EXISTS "+shop+"; DROP DATABASE IF EXISTS _lifeboat")
		cmd := exec.CommandContext(t.Context(), program, append([]string{"restore", "--target", proxy.As("lb") + "?tls=skip-verify", "--progress", "json"}, inputs...)...)
		cmd.Env = env
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		started := make(chan *os.Process, 1)
		proxy.Do(func() {
			if err := (<-started).Signal(syscall.SIGQUIT); err != nil {
				t.Error(err)
			}
		})
		proxy.Arm(testserver.Hook, 300, false)
		must(t, cmd.Start())
		started <- cmd.Process
		_ = cmd.Wait()
		if n := strings.Count(said.String(), "goroutine "); n < 5 || !strings.Contains(said.String(), "SIGQUIT") {
			t.Errorf("%d goroutines are told of:\n%s", n, said.String())
		}
		if strings.Contains(said.String(), planted) {
			t.Errorf("the password is in what it says:\n%s", said.String())
		}
	})
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == option || path == bad {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), planted) {
			t.Errorf("the password is in %s", path)
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	}))
}

// authority signs certificates, and is a file that says so.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

// sign makes a certificate for 127.0.0.1, or of an authority if by is nil, and writes it with its key.
func sign(t *testing.T, dir, name string, by *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	out := &authority{cert: c, key: key, file: filepath.Join(dir, name+".pem")}
	if by == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		by = out
	} else {
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, &key.PublicKey, by.key)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	must(t, os.WriteFile(out.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	must(t, os.WriteFile(out.file+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o644))
	return out
}

// TestTLS wants the server's name verified: another authority and another name are refused, before a password is sent.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	right, another := sign(t, dir, "right", nil), sign(t, dir, "another", nil)
	server := sign(t, dir, "server", right)
	s := testserver.Start(t, testserver.MySQL97, "--ssl-ca="+right.file, "--ssl-cert="+server.file, "--ssl-key="+server.file+".key")
	exec1(t, testserver.Open(t, s), "CREATE USER lb@localhost IDENTIFIED BY '"+planted+"' REQUIRE SSL; GRANT ALL ON *.* TO lb@localhost")
	proxy := testserver.NewProxy(t, s.Socket())
	for _, c := range []struct {
		name, ca, more string
		believed       bool
	}{
		{"without verification", "", "?tls=skip-verify", true},
		{"the right authority", right.file, "", true},
		{"another authority", another.file, "", false},
		{"the system's authorities", "", "?tls=true", false},
		{"another name", right.file, "localhost", false},
	} {
		dsn := proxy.As("lb:" + planted)
		if strings.HasPrefix(c.more, "?") {
			dsn += c.more
		} else if c.more != "" {
			dsn = strings.Replace(dsn, "127.0.0.1", c.more, 1)
		}
		srv, err := target.Open(t.Context(), dsn, &target.Options{CA: c.ca})
		if (err == nil) != c.believed {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			must(t, srv.Close())
		} else if strings.Contains(err.Error(), planted) {
			t.Errorf("%s: the password is in %v", c.name, err)
		}
	}
}
