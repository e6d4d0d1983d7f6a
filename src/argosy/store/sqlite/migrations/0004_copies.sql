-- Which finished files have certain bytes: what is here already need not be fetched again.
CREATE INDEX files_by_checksum ON files (checksum) WHERE checksum IS NOT NULL AND status = 'done';
