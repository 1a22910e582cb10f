package binlog

import (
	"encoding/binary"
	"fmt"
	"time"
)

// EventType is the type byte of an event header. Names and numbers are those of the servers' sources
// (libbinlogevents/include/binlog_event.h; MariaDB sql/log_event.h for 160 and up).
type EventType uint8

// The event types lifeboat knows.
const (
	StartEventV3           EventType = 1
	QueryEvent             EventType = 2
	StopEvent              EventType = 3
	RotateEvent            EventType = 4
	IntvarEvent            EventType = 5
	LoadEvent              EventType = 6
	CreateFileEvent        EventType = 8
	AppendBlockEvent       EventType = 9
	ExecLoadEvent          EventType = 10
	DeleteFileEvent        EventType = 11
	NewLoadEvent           EventType = 12
	RandEvent              EventType = 13
	UserVarEvent           EventType = 14
	FormatDescriptionEvent EventType = 15
	XIDEvent               EventType = 16
	BeginLoadQueryEvent    EventType = 17
	ExecuteLoadQueryEvent  EventType = 18
	TableMapEvent          EventType = 19
	WriteRowsV1            EventType = 23
	UpdateRowsV1           EventType = 24
	DeleteRowsV1           EventType = 25
	IncidentEvent          EventType = 26
	HeartbeatEvent         EventType = 27
	IgnorableEvent         EventType = 28
	RowsQueryEvent         EventType = 29
	WriteRowsV2            EventType = 30
	UpdateRowsV2           EventType = 31
	DeleteRowsV2           EventType = 32
	GTIDEvent              EventType = 33
	AnonymousGTIDEvent     EventType = 34
	PreviousGTIDsEvent     EventType = 35
	TransactionContext     EventType = 36
	ViewChangeEvent        EventType = 37
	XAPrepareEvent         EventType = 38
	PartialUpdateRows      EventType = 39
	TransactionPayload     EventType = 40
	HeartbeatV2Event       EventType = 41
	GTIDTaggedEvent        EventType = 42

	AnnotateRowsEvent     EventType = 160
	BinlogCheckpointEvent EventType = 161
	MariaGTIDEvent        EventType = 162
	MariaGTIDListEvent    EventType = 163
	StartEncryptionEvent  EventType = 164
	QueryCompressed       EventType = 165
	WriteRowsCompressedV1 EventType = 166
	UpdateRowsCompressV1  EventType = 167
	DeleteRowsCompressV1  EventType = 168
	WriteRowsCompressed   EventType = 169
	UpdateRowsCompressed  EventType = 170
	DeleteRowsCompressed  EventType = 171
)

// Flags of an event header.
const (
	flagInUse      = 0x01 // of a format description: the file was not closed
	flagArtificial = 0x20
	flagIgnorable  = 0x80
)

const headerSize = 19

// Header is the common header of every event since MySQL 5.0 (binlog version 4).
type Header struct {
	Timestamp uint32 // seconds since 1970, UTC: when the statement began
	Type      EventType
	ServerID  uint32
	Size      uint32 // bytes, header and checksum included
	NextPos   uint32 // log_pos as written: wraps at 4 GiB, so never used as an offset
	Flags     uint16
}

func parseHeader(b []byte) Header {
	return Header{
		Timestamp: binary.LittleEndian.Uint32(b),
		Type:      EventType(b[4]),
		ServerID:  binary.LittleEndian.Uint32(b[5:]),
		Size:      binary.LittleEndian.Uint32(b[9:]),
		NextPos:   binary.LittleEndian.Uint32(b[13:]),
		Flags:     binary.LittleEndian.Uint16(b[17:]),
	}
}

// Time is the header's timestamp in UTC.
func (h Header) Time() time.Time { return time.Unix(int64(h.Timestamp), 0).UTC() }

// eventNames is read only; types without a name print as their number.
func (t EventType) String() string {
	if s, ok := eventName(t); ok {
		return s
	}
	return fmt.Sprintf("event type %d", uint8(t))
}

func eventName(t EventType) (string, bool) {
	switch t {
	case StartEventV3:
		return "Start_v3", true
	case QueryEvent, QueryCompressed:
		return "Query", true
	case StopEvent:
		return "Stop", true
	case RotateEvent:
		return "Rotate", true
	case IntvarEvent:
		return "Intvar", true
	case RandEvent:
		return "Rand", true
	case UserVarEvent:
		return "User_var", true
	case LoadEvent, NewLoadEvent, CreateFileEvent, AppendBlockEvent, ExecLoadEvent, DeleteFileEvent,
		BeginLoadQueryEvent, ExecuteLoadQueryEvent:
		return "Load", true
	case FormatDescriptionEvent:
		return "Format_desc", true
	case XIDEvent:
		return "Xid", true
	case TableMapEvent:
		return "Table_map", true
	case WriteRowsV1, WriteRowsV2, WriteRowsCompressed, WriteRowsCompressedV1:
		return "Write_rows", true
	case UpdateRowsV1, UpdateRowsV2, UpdateRowsCompressed, UpdateRowsCompressV1:
		return "Update_rows", true
	case PartialUpdateRows:
		return "Update_rows_partial", true
	case DeleteRowsV1, DeleteRowsV2, DeleteRowsCompressed, DeleteRowsCompressV1:
		return "Delete_rows", true
	case IncidentEvent:
		return "Incident", true
	case GTIDEvent, GTIDTaggedEvent, MariaGTIDEvent:
		return "Gtid", true
	case AnonymousGTIDEvent:
		return "Anonymous_Gtid", true
	case PreviousGTIDsEvent, MariaGTIDListEvent:
		return "Previous_gtids", true
	case XAPrepareEvent:
		return "XA_prepare", true
	case TransactionPayload:
		return "Transaction_payload", true
	case StartEncryptionEvent:
		return "Start_encryption", true
	}
	return "", false
}

// ignorable reports types that carry nothing a restore needs; every other unhandled type is an error.
func ignorable(h Header) bool {
	switch h.Type {
	case HeartbeatEvent, HeartbeatV2Event, IgnorableEvent, RowsQueryEvent, TransactionContext,
		ViewChangeEvent, AnnotateRowsEvent, BinlogCheckpointEvent:
		return true
	}
	return h.Flags&flagIgnorable != 0
}
