-- Microseconds that redacting a record took; 0 where that is not known.
ALTER TABLE {{db}}.calls{{on_cluster}} ADD COLUMN IF NOT EXISTS redaction_us UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER redaction_withheld;
ALTER TABLE {{db}}.steps{{on_cluster}} ADD COLUMN IF NOT EXISTS redaction_us UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER redaction_withheld;
ALTER TABLE {{db}}.logs{{on_cluster}} ADD COLUMN IF NOT EXISTS redaction_us UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER redaction_withheld;
ALTER TABLE {{db}}.debug{{on_cluster}} ADD COLUMN IF NOT EXISTS redaction_us UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER redaction_withheld;
ALTER TABLE {{db}}.security{{on_cluster}} ADD COLUMN IF NOT EXISTS redaction_us UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER redaction_withheld;
ALTER TABLE {{db}}.scores{{on_cluster}} ADD COLUMN IF NOT EXISTS redaction_us UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER redaction_withheld;
ALTER TABLE {{db}}.deployments{{on_cluster}} ADD COLUMN IF NOT EXISTS redaction_us UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER redaction_withheld;
ALTER TABLE {{db}}.model_versions{{on_cluster}} ADD COLUMN IF NOT EXISTS redaction_us UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER redaction_withheld;
ALTER TABLE {{db}}.datasets{{on_cluster}} ADD COLUMN IF NOT EXISTS redaction_us UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER redaction_withheld;
ALTER TABLE {{db}}.audit{{on_cluster}} ADD COLUMN IF NOT EXISTS redaction_us UInt32 DEFAULT 0 CODEC(T64, ZSTD(1)) AFTER redaction_withheld;
