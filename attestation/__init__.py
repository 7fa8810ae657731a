"""Remote attestation for Intel TDX: evidence, appraisal, history. Knows nothing of chat."""
