package binlog

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"

	"lifeboat/internal/binlog/gtid"
)

// gtidInfo is what the event that opens a transaction says of it.
type gtidInfo struct {
	id         gtid.GTID
	committed  time.Time // zero before MySQL 8.0.1 and in MariaDB
	standalone bool      // MariaDB: one statement, no BEGIN and no COMMIT
	known      bool      // a GTID event (also an anonymous one) was seen
}

// guard turns a decoder's panic on damaged bytes into an error.
func guard(what string, decode func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged %s event: %v", what, p)
		}
	}()
	return decode()
}

func parseGTID(typ EventType, serverID uint32, body []byte) (gtidInfo, error) {
	info := gtidInfo{known: true}
	if typ == MariaGTIDEvent {
		// sequence number (8), domain (4), flags (1): bit 0 standalone
		if len(body) < 13 {
			return info, fmt.Errorf("a Gtid event of %d bytes", len(body))
		}
		info.id = gtid.GTID{Family: gtid.MariaDB, Server: serverID,
			Seq: binary.LittleEndian.Uint64(body), Domain: binary.LittleEndian.Uint32(body[8:])}
		info.standalone = body[12]&1 != 0
		return info, nil
	}
	var e replication.GTIDEvent
	err := guard("Gtid", func() error {
		if typ != GTIDTaggedEvent {
			return e.Decode(body)
		}
		var tagged replication.GtidTaggedLogEvent
		err := tagged.Decode(body)
		e = tagged.GTIDEvent
		return err
	})
	if err != nil {
		return info, err
	}
	if typ != AnonymousGTIDEvent {
		info.id = gtid.GTID{Family: gtid.MySQL, Tag: e.Tag.String(), Seq: uint64(e.GNO)}
		copy(info.id.UUID[:], e.SID)
	}
	if us := e.ImmediateCommitTimestamp; us != 0 {
		info.committed = time.UnixMicro(int64(us)).UTC()
	}
	return info, nil
}

// ParsePreviousGTIDs reads the set that a file's second event gives: what was committed before the file.
func ParsePreviousGTIDs(typ EventType, body []byte) (set gtid.Set, err error) {
	err = guard("Previous_gtids", func() error {
		if typ == PreviousGTIDsEvent {
			var e replication.PreviousGTIDsEvent
			if err := e.Decode(body); err != nil {
				return err
			}
			set, err = gtid.ParseSet(e.GTIDSets)
			return err
		}
		c := cursor{b: body}
		for range c.uint(4) & (1<<28 - 1) {
			g := gtid.GTID{Family: gtid.MariaDB, Domain: uint32(c.uint(4)), Server: uint32(c.uint(4)), Seq: c.uint(8)}
			if c.short {
				return fmt.Errorf("a list that ends early")
			}
			if err := set.Add(g); err != nil {
				return err
			}
		}
		return nil
	})
	return set, err
}

// ParseRotate reads a Rotate event: the next file's name and the offset to start at.
func ParseRotate(body []byte) (Position, error) {
	if len(body) < 9 {
		return Position{}, fmt.Errorf("a Rotate event of %d bytes", len(body))
	}
	name, _, _ := bytes.Cut(body[8:], []byte{0})
	return Position{File: string(name), Offset: binary.LittleEndian.Uint64(body)}, nil
}

// inflate undoes MariaDB's log_bin_compress: a byte with the algorithm (bits 4–6, 0 is zlib) and the
// number of length bytes (bits 0–2), the length, big endian, then the stream.
func inflate(b []byte) ([]byte, error) {
	if len(b) < 1 || len(b) < 1+int(b[0]&7) {
		return nil, fmt.Errorf("a damaged compressed event")
	}
	if alg := b[0] >> 4 & 7; alg != 0 {
		return nil, fmt.Errorf("compression algorithm %d: %w", alg, ErrUnsupported)
	}
	size := uint64(0)
	for _, d := range b[1 : 1+b[0]&7] {
		size = size<<8 | uint64(d)
	}
	if size > maxEventSize {
		return nil, fmt.Errorf("a compressed event that says it holds %d bytes", size)
	}
	z, err := zlib.NewReader(bytes.NewReader(b[1+b[0]&7:]))
	if err != nil {
		return nil, fmt.Errorf("a damaged compressed event: %w", err)
	}
	var out bytes.Buffer
	if n, err := io.Copy(&out, io.LimitReader(z, int64(size)+1)); err != nil || uint64(n) != size {
		return nil, fmt.Errorf("a compressed event of %d bytes where it says %d (%v)", n, size, err)
	}
	return out.Bytes(), nil
}
