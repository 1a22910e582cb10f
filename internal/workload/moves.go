package workload

import "strconv"

// move adds the statements of one change to the script.
func (s *session) move() {
	switch n := s.rand.IntN(100); {
	case n < 18:
		s.moveAccount()
	case n < 22:
		s.moveDevice()
	case n < 34:
		s.moveEvent()
	case n < 48:
		s.moveDocument()
	case n < 56:
		s.moveLegacy()
	case n < 64:
		s.moveTag()
	case n < 78:
		s.moveOrder()
	case n < 82:
		s.moveAlbum()
	case n < 92:
		s.moveMeasure()
	case n < 98:
		s.moveQueue()
	default:
		s.moveTrail()
	}
}

func (s *session) moveAccount() {
	id := s.key(s.o.Rows)
	switch s.rand.IntN(10) {
	case 0:
		s.add(s.values("INSERT IGNORE INTO "+accountColumns, id, id+1+s.rand.IntN(3), s.account))
	case 1: // takes the place of every row that it collides with
		s.add("REPLACE INTO " + accountColumns + " VALUES " + s.account(id))
	case 2: // may hit another row, by a secondary key
		s.add("INSERT INTO " + accountColumns + " VALUES " + s.account(id) + " ON DUPLICATE KEY UPDATE balance = balance + 1, ratio = NULL")
	case 3, 4:
		s.addf("UPDATE account SET balance = %s, rate = %s WHERE id = %d", s.decimal(12, 6), s.double(), id)
	case 5:
		s.addf("UPDATE account SET balance = balance + 0.000001 WHERE id BETWEEN %d AND %d", id, id+6)
	case 6:
		s.swapCodes(id, s.key(s.o.Rows))
	case 7: // a chain: each row takes its neighbour's value
		code := s.code()
		s.addf("UPDATE IGNORE account SET code = code + 1 WHERE code BETWEEN %d AND %d ORDER BY code DESC", code, code+8)
	case 8:
		s.addf("UPDATE IGNORE account SET id = %d WHERE id = %d", s.key(s.o.Rows), id)
	case 9:
		s.addf("DELETE FROM account WHERE id = %d", id)
		if s.oneIn(2) {
			s.add("INSERT INTO " + accountColumns + " VALUES " + s.account(id))
		}
	}
}

// swapCodes lets two rows swap their unique values.
func (s *session) swapCodes(a, b int) {
	if a > b {
		a, b = b, a
	}
	s.add("SET @a = NULL, @b = NULL")
	s.addf("SELECT code INTO @a FROM account WHERE id = %d FOR UPDATE", a)
	s.addf("SELECT code INTO @b FROM account WHERE id = %d FOR UPDATE", b)
	s.addf("UPDATE account SET code = NULL WHERE id IN (%d, %d)", a, b)
	s.addf("UPDATE account SET code = @b WHERE id = %d", a)
	s.addf("UPDATE account SET code = @a WHERE id = %d", b)
}

func (s *session) moveEvent() {
	shard, name := s.eventKey()
	switch s.rand.IntN(6) {
	case 0:
		s.add("INSERT IGNORE INTO " + eventColumns + " VALUES " + s.event() + "," + s.event())
	case 1:
		s.add("REPLACE INTO " + eventColumns + " VALUES " + s.event())
	case 2:
		s.addf("UPDATE event_log SET state = %s, at = %s, mask = %d WHERE shard = %d AND name = %s", s.state(), s.datetime(6), s.rand.IntN(1<<13), shard, name)
	case 3:
		s.addf("UPDATE event_log SET lasted = %s, flags = %d WHERE shard = %d AND name = %s", s.time(0), s.rand.IntN(1024), shard, name)
	case 4: // a key moved to another shard
		s.addf("UPDATE IGNORE event_log SET shard = %d WHERE shard = %d AND name = %s", s.rand.IntN(7)-3, shard, name)
	case 5:
		s.addf("DELETE FROM event_log WHERE shard = %d AND name = %s", shard, name)
	}
}

func (s *session) moveDocument() {
	id := s.key(s.o.Rows)
	switch s.rand.IntN(6) {
	case 0:
		s.add("INSERT INTO " + documentColumns + " VALUES " + s.document(0))
		if s.oneIn(2) {
			s.addf("DELETE FROM document WHERE id = %d", id)
		}
	case 1:
		s.add(s.values("INSERT INTO "+documentColumns, 0, 3, func(int) string { return s.document(0) }))
		s.addf("DELETE FROM document WHERE id BETWEEN %d AND %d", id, id+3)
	case 2:
		s.addf("UPDATE document SET body = %s WHERE id = %d", s.or(9, quote(s.text(900))), id)
	case 3:
		s.addf("UPDATE document SET doc = %s, raw = %s WHERE id = %d", s.or(9, s.json()), s.bytes(300), id)
	case 4:
		s.add("REPLACE INTO " + documentColumns + " VALUES " + s.document(id))
	case 5:
		s.addf("UPDATE document SET title = CONCAT(%s, id) WHERE id BETWEEN %d AND %d", quote(s.word()), id, id+4)
	}
}

func (s *session) moveLegacy() {
	id := s.key(s.o.Rows)
	if s.oneIn(10) {
		id = -id
	}
	switch s.rand.IntN(4) {
	case 0:
		s.add("REPLACE INTO " + legacyColumns + " VALUES " + s.legacy(id))
	case 1:
		s.addf("UPDATE legacy SET title = %s, remark = %s WHERE id = %d", quote(s.chinese(20)), quote(s.chinese(80)), id)
	case 2:
		s.addf("DELETE FROM legacy WHERE id = %d", id)
	case 3:
		s.add("INSERT INTO " + legacyColumns + " VALUES " + s.legacy(id) + " ON DUPLICATE KEY UPDATE bytes = VALUES(bytes), city = VALUES(city)")
	}
}

func (s *session) moveTag() {
	switch s.rand.IntN(5) {
	case 0:
		s.add("INSERT IGNORE INTO " + tagColumns + " VALUES " + s.tag())
	case 1:
		s.add("INSERT INTO " + tagColumns + " VALUES " + s.tag() + " ON DUPLICATE KEY UPDATE hits = hits + 1")
	case 2: // the same key in other letters
		name := s.tagName()
		s.addf("UPDATE tag SET name = %s WHERE name = %s", s.pick("UPPER(name)", "LOWER(name)", name), name)
	case 3:
		name := s.tagName()
		s.addf("DELETE FROM tag WHERE name = %s", name)
		if s.oneIn(2) {
			s.addf("INSERT INTO tag (name, hits) VALUES (UPPER(%s), %d)", name, s.rand.IntN(9))
		}
	case 4:
		s.add("REPLACE INTO " + tagColumns + " VALUES " + s.tag())
	}
}

func (s *session) moveOrder() {
	customers := s.o.Rows / 8
	id := s.key(customers)
	switch s.rand.IntN(7) {
	case 0:
		s.add("INSERT INTO " + customerColumns + " VALUES " + s.customer(id) + " ON DUPLICATE KEY UPDATE city = " + s.or(9, "VALUES(city)"))
	case 1:
		s.add("INSERT IGNORE INTO " + orderColumns + " VALUES " + s.order(customers) + "," + s.order(customers))
	case 2:
		s.add("INSERT IGNORE INTO " + orderColumns + " VALUES " + s.order(customers))
	case 3:
		s.addf("UPDATE orders SET total = %s WHERE customer = %d AND number < %d", s.decimal(3, 2), id, s.rand.IntN(400))
	case 4:
		s.addf("DELETE FROM orders WHERE customer = %d AND number < %d", id, s.rand.IntN(300))
	case 5: // gone with all its orders, and there again
		s.addf("DELETE FROM orders WHERE customer = %d", id)
		s.addf("DELETE FROM customer WHERE id = %d", id)
		s.add("INSERT INTO " + customerColumns + " VALUES " + s.customer(id))
	case 6:
		s.addf("UPDATE customer SET name = %s WHERE id = %d", quote(s.text(12)), id)
	}
}

func (s *session) moveAlbum() {
	id := s.key(albums)
	switch s.rand.IntN(6) {
	case 0:
		s.addf("INSERT IGNORE INTO "+albumColumns+" VALUES (%d,%d)", id, s.rand.IntN(50))
	case 1, 2:
		s.addf("INSERT IGNORE INTO "+photoColumns+" VALUES %s,%s", s.photo(s.key(photos), id), s.photo(s.key(photos), id))
	case 3: // cascades
		s.addf("DELETE FROM album WHERE id = %d", id)
		if s.oneIn(2) {
			s.addf("INSERT INTO "+albumColumns+" VALUES (%d,%d)", id, s.rand.IntN(50))
		}
	case 4: // cascades
		s.addf("UPDATE IGNORE album SET id = %d WHERE id = %d", s.key(albums), id)
	case 5:
		s.addf("UPDATE photo SET caption = %s WHERE id = %d", quote(s.text(20)), s.key(photos))
	}
}

func (s *session) moveDevice() {
	id, reading := s.key(s.devices()), s.key(s.readings())
	switch s.rand.IntN(8) {
	case 0:
		s.add("INSERT IGNORE INTO " + deviceColumns + " VALUES " + s.device(id))
	case 1, 2:
		s.add(s.values("INSERT IGNORE INTO "+readingColumns, reading, reading+4, func(n int) string { return s.reading(n, id) }))
	case 3:
		s.add("INSERT IGNORE INTO " + alarmColumns + " VALUES " + s.alarm(s.key(s.readings()), reading))
	case 4: // cascades, and clears
		s.addf("DELETE FROM device WHERE id = %s", s.deviceID(id))
		if s.oneIn(2) {
			s.add("INSERT IGNORE INTO " + deviceColumns + " VALUES " + s.device(id))
		}
	case 5: // cascades
		s.addf("DELETE FROM reading WHERE id = %s", readingID(reading))
	case 6:
		s.addf("UPDATE IGNORE reading SET device = %s, v = v + 1 WHERE id = %s", s.deviceID(id), readingID(reading))
	case 7:
		s.addf("UPDATE IGNORE reading SET code = %s WHERE device = %s", s.or(3, s.deviceCode(id)), s.deviceID(id))
	}
}

func (s *session) moveMeasure() {
	day, probe := s.measureKey()
	switch s.rand.IntN(4) {
	case 0:
		s.add("INSERT INTO " + measureColumns + " VALUES " + s.measure() + "," + s.measure() + " ON DUPLICATE KEY UPDATE amount = VALUES(amount), tiny = NULL")
	case 1:
		s.addf("UPDATE measure SET amount = amount / 3, grade = 'x' WHERE day = %s AND probe = %d", day, probe)
	case 2:
		s.addf("DELETE FROM measure WHERE day = %s AND probe = %d", day, probe)
	case 3:
		s.addf("UPDATE IGNORE measure SET probe = %d, medium = NULL WHERE day = %s AND probe = %d", s.rand.IntN(1<<16), day, probe)
	}
}

func (s *session) moveQueue() {
	id := s.key(s.o.Rows)
	switch s.rand.IntN(3) {
	case 0:
		s.add(s.values("REPLACE INTO queue (id, payload)", id, id+1+s.rand.IntN(5), s.queue))
	case 1:
		s.addf("DELETE FROM queue WHERE id BETWEEN %d AND %d", id, id+s.rand.IntN(4))
	case 2:
		s.addf("UPDATE queue SET payload = %s WHERE id = %d", s.bytes(150), id)
	}
}

func (s *session) moveTrail() {
	n := s.rand.IntN(trails)
	switch s.rand.IntN(4) {
	case 0:
		s.add("INSERT INTO " + trailColumns + " VALUES " + s.trail(n))
	case 1: // two rows that nothing tells apart
		row := s.trail(n)
		s.add("INSERT INTO " + trailColumns + " VALUES " + row + "," + row)
	case 2:
		s.addf("UPDATE trail SET word = %s WHERE n = %d", s.or(5, quote(s.word()+strconv.Itoa(n))), n)
	case 3:
		s.addf("DELETE FROM trail WHERE n = %d LIMIT 2", n)
	}
}
