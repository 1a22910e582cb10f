# A RENAME that fails half-way and is not logged leaves the source with another text of the trigger.
s0: CREATE DATABASE d CHARACTER SET latin1;
s0: USE d;
s0: CREATE TABLE t18 (c19 YEAR);
s0: CREATE TRIGGER tr1 AFTER DELETE ON t18 FOR EACH ROW INSERT IGNORE INTO t18 (c19) VALUES (1901);
-- base --
s0: RENAME TABLE t18 TO swapping, t22 TO t18, swapping TO t22;
s0: INSERT INTO t18 VALUES (2024);
