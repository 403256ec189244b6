-- Each administrative act's place in its tenant's chain.
ALTER TABLE {{db}}.audit{{on_cluster}} ADD COLUMN IF NOT EXISTS chain_number Nullable(Int64) AFTER hash;
