package target

import (
	"fmt"
	"strings"

	"lifeboat/internal/binlog"
)

// defaults are the settings by which a server completes a definition that leaves something out; "" leaves the server's own.
type defaults struct {
	explicitTimestamp string // explicit_defaults_for_timestamp
	utf8mb4           string // default_collation_for_utf8mb4
	collations        []uint16
}

// appendDefaults sets them as far as the server has them. A Server that is no connection writes a dump, which may be loaded into a later server than its own,
// of either family: to those they are set, too, by comments that they read.
func (s *Server) appendDefaults(set []string, d *defaults) []string {
	dump := s.db == nil
	if d.explicitTimestamp != "" {
		text := "SET SESSION explicit_defaults_for_timestamp=" + d.explicitTimestamp
		if binlog.SaysExplicitTimestamp(s.MariaDB, s.Number) {
			set = append(set, text)
		} else if dump {
			set = append(set, "/*!50700 "+text+" */", "/*M!101000 "+text+" */")
		}
	}
	if d.utf8mb4 != "" {
		text := "SET SESSION default_collation_for_utf8mb4=" + d.utf8mb4
		if !s.MariaDB && s.Number >= 80011 {
			set = append(set, text)
		} else if dump {
			set = append(set, "/*!80011 "+text+" */")
		}
	}
	text := "SET SESSION character_set_collations=" + collationList(d.collations)
	if s.MariaDB && s.Number >= 110200 {
		set = append(set, text)
	} else if dump {
		set = append(set, "/*M!110200 "+text+" */")
	}
	return set
}

// collationList is a value of MariaDB's character_set_collations. The server has the names.
func collationList(ids []uint16) string {
	if len(ids) == 0 {
		return "''"
	}
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ","), "[]")
	return "(SELECT GROUP_CONCAT(CHARACTER_SET_NAME,'=',FULL_COLLATION_NAME) FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE ID IN (" + list + "))"
}
