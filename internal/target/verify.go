package target

import "context"

// Programs lists what a database holds besides tables, each with its kind: "view v", "trigger t", and
// functions, procedures and events likewise.
func (s *Server) Programs(ctx context.Context, db string) ([]string, error) {
	q := Quote(db)
	return s.column(ctx, "SELECT CONCAT('view ', TABLE_NAME) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = "+q+
		" UNION ALL SELECT CONCAT('trigger ', TRIGGER_NAME) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = "+q+
		" UNION ALL SELECT CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_NAME) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = "+q+
		" UNION ALL SELECT CONCAT('event ', EVENT_NAME) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = "+q)
}
