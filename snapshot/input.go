package snapshot

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"hash"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"lifeboat/internal/disk"
)

// input is a backup file, uncompressed as it is read.
type input struct {
	ctx      context.Context
	path     string
	file     *disk.File
	info     os.FileInfo
	r        io.Reader
	close    func()
	hash     hash.Hash    // of the uncompressed bytes, nil for none
	offset   int64        // uncompressed
	read     atomic.Int64 // of the file itself: decompressors read in goroutines of their own
	progress func(done, total int64)
}

// otherFormats names what people mistake for a dump, by the first bytes.
var otherFormats = []struct{ magic, what string }{
	{"\xfebin", "a binary log: give it with --binlogs"},
	{"\xfd\x62\x69\x6e", "an encrypted binary log"},
	{"\xff\xfe", "UTF-16 text, as PowerShell's > writes it, which changes binary data: make the dump with --result-file"},
	{"\xfe\xff", "UTF-16 text, which changes binary data: make the dump with --result-file"},
	{"BZh", "compressed with bzip2: decompress it first"},
	{"\xfd7zXZ\x00", "compressed with xz: decompress it first"},
	{"\x04\x22\x4d\x18", "compressed with lz4: decompress it first"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"},
	{"PK\x03\x04", "a ZIP archive: unpack it first"},
	{"Salted__", "encrypted with openssl: decrypt it first"},
	{"age-encryption.org", "encrypted with age: decrypt it first"},
	{"XBSTCK01", "an xbstream of XtraBackup or mariadb-backup, which lifeboat does not read"},
	{"SQLite format 3", "a SQLite database"},
	{"PGDMP", "a dump of PostgreSQL"},
}

// inputKind says what a file is expected to hold.
type inputKind uint8

const (
	anyText    inputKind = iota // SQL, compressed or not, as its first bytes tell
	plainRows                   // rows, whose first bytes may be any
	packedRows                  // rows, compressed as the first bytes tell
)

// openInput opens a file of SQL read-only. Compression is told from the content.
func openInput(ctx context.Context, path string) (*input, error) {
	return openInputAs(ctx, path, anyText)
}

func openInputAs(ctx context.Context, path string, kind inputKind) (*input, error) {
	f, err := disk.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	in := &input{ctx: ctx, path: path, file: f, close: func() {}}
	if err := in.start(kind); err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

func (in *input) start(kind inputKind) error {
	info, err := in.file.Stat()
	if err != nil {
		return err
	}
	in.info = info
	if !info.Mode().IsRegular() {
		return &ReadError{in.path, -1, ErrNotDump, "not a regular file; a backup is read twice, so save it to a file first"}
	}
	if kind == plainRows {
		in.r = fileReader{in}
		return nil
	}
	buffered := bufio.NewReaderSize(fileReader{in}, 256<<10)
	head, err := buffered.Peek(512)
	if err != nil && err != io.EOF {
		return err
	}
	if len(head) == 0 {
		return &ReadError{in.path, -1, ErrNotDump, "the file is empty"}
	}
	for _, o := range otherFormats {
		if kind == anyText && bytes.HasPrefix(head, []byte(o.magic)) {
			return &ReadError{in.path, -1, ErrNotDump, o.what}
		}
	}
	return in.decompress(buffered, head)
}

func (in *input) decompress(r *bufio.Reader, head []byte) error {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(r)
		if err != nil {
			return in.failure(err)
		}
		in.r = z
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")), len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.HasPrefix(head[1:], []byte("\x2a\x4d\x18")):
		// zstd --long=31 needs windows of 2 GiB.
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(1<<31), zstd.WithDecoderLowmem(true))
		if err != nil {
			return in.failure(err)
		}
		in.r, in.close = z, z.Close
	default:
		in.r = r
	}
	return nil
}

// Close releases the file.
func (in *input) Close() error {
	in.close()
	return in.file.Close()
}

// Read gives uncompressed bytes.
func (in *input) Read(p []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := in.r.Read(p)
	if in.hash != nil {
		in.hash.Write(p[:n])
	}
	in.offset += int64(n)
	if in.progress != nil {
		in.progress(in.read.Load(), in.info.Size())
	}
	if err != nil && err != io.EOF {
		err = in.failure(err)
	}
	return n, err
}

// failure tells a file that was cut short from one that was damaged.
func (in *input) failure(err error) error {
	var path *os.PathError
	switch {
	case errors.As(err, &path), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &ReadError{in.path, in.offset, ErrIncomplete, "the compressed file ends too early: take another copy, or make the dump again"}
	}
	return &ReadError{in.path, in.offset, ErrCorrupt, "compressed data cannot be read (" + err.Error() + "): take another copy"}
}

// fileReader counts what is read of the file itself.
type fileReader struct{ in *input }

func (r fileReader) Read(p []byte) (int, error) {
	n, err := r.in.file.Read(p)
	r.in.read.Add(int64(n))
	return n, err
}
