#!/bin/sh
# A stage program for the runner's tests: it follows the command line of the real ones, writes small texts, and notes each
# execution in a file of the folder FAKE_FOLDER. What it does otherwise is said by its config.
stage=$(basename "$0"); stage=${stage#twinset-}
folder=$FAKE_FOLDER
inputs=""
while [ $# -gt 0 ]; do
  case "$1" in
    --config) config=$2; shift ;;
    --out) out=$2; shift ;;
    --table) table=$2; shift ;;
    --estimate) n=$2; shift ;;
    --pace) pace=1 ;;
    --set) sets="$sets $2"; shift ;;
    --power) power=$2; shift ;;
    --tensorboard) echo "$stage $2" >> "$folder/curves"; shift ;;
    --arms) arms=$2; shift ;;
    --data | --folder | --device) shift ;;
    --check) check=1 ;;
    --list-inputs) [ -f "$folder/source" ] && echo "$folder/source"; exit 0 ;;
    --describe-device)
      n_gpus=$(cat "$folder/gpus" 2>/dev/null || echo 0)
      echo "{\"n-gpus\": $n_gpus, \"libtorch\": \"$folder/libtorch\", \"cpu-capability\": \"$(cat "$folder/capability")\"}"
      exit 0
      ;;
    --count) echo '{"train": 100, "test": 50}'; exit 0 ;;
    # A folder is a manifest in shards.
    --*) if [ -d "$2" ]; then inputs="$inputs $(echo "$2"/*)"; else inputs="$inputs $2"; fi; shift ;;
    *) echo "error: unexpected argument $1" >&2; exit 2 ;;
  esac
  shift
done

if [ -n "$check" ]; then
  line=$(grep -n 'bogus' "$config" | head -1 | cut -d: -f1)
  if [ "$stage" = train ] && [ -n "$line" ]; then
    printf 'error: `%s` line %s: unknown field `bogus`\nhint: take it out\n' "$config" "$line" >&2
    exit 1
  fi
  # As on a processor without bfloat16.
  if [ "$stage" = train ] && [ -f "$folder/no-bfloat16" ] && echo "$sets" | grep -q bfloat16; then
    echo "error: \`$config\`: no bfloat16 here" >&2
    exit 1
  fi
  if [ -n "$pace" ]; then
    [ -f "$folder/pace" ] || { echo "error: no pace" >&2; exit 1; }
    echo "$table" >> "$folder/paced"
    cat "$folder/pace"
    exit 0
  fi
  case "$stage" in
    evaluate) [ -n "$n" ] && echo '{"n_images": 50, "n_forward_backward_passes": 1000}' ;;
    inject) [ -n "$n" ] && echo "{\"n_train\": $((n * 2))}" ;;
    report)
      case "$arms" in *lost*) echo "error: no arm is lost" >&2; exit 1 ;; esac
      # What it is asked with lies in that folder afterwards, and what it answers before.
      [ -n "$inputs" ] && cat $inputs > "$folder/asked"
      [ -n "$power" ] && sed "s/POWER/$power/" "$folder/needs"
      ;;
    train) [ -n "$n" ] && echo "{\"n_samples\": $((n * 3)), \"n_forward_backward_passes\": $((n * 24))}" ;;
  esac
  exit 0
fi

for input in $inputs; do
  [ -f "$input" ] || { echo "error: failed to open \`$input\`" >&2; exit 1; }
done
echo "$stage $$" >> "$folder/executions"
echo "$TWINSET_PROGRESS ${OMP_NUM_THREADS:-all}" > "$out/log-of-environment"
echo "$stage $OPENLINEAGE_PARENT_ID" >> "$folder/parents"
echo "$stage ${CUDA_VISIBLE_DEVICES:-any}" >> "$folder/devices"
echo "@progress 1 4 samples epoch 1" >&2
value() { sed -n "s/^$1 = //p" "$config"; }
if [ "$(value fail-seed)" = "$(value seed)" ] && [ -n "$(value fail-seed)" ] && [ ! -f "$folder/healed" ]; then
  echo "some log line" >&2
  echo "error: failed to $stage: out of luck" >&2
  exit 1
fi
[ -n "$(value sleep)" ] && sleep "$(value sleep)"
content="$stage $(cat "$config" $inputs | cksum)"
case "$stage" in
  ingest)
    files="images.parquet rejects.parquet truth.csv"
    if [ -n "$(value shard-images)" ]; then
      mkdir "$out/images"
      files="images/images-00000-of-00002.parquet images/images-00001-of-00002.parquet rejects.parquet"
    fi
    ;;
  neardup) files="hashes.parquet pairs.parquet clusters.parquet" ;;
  inject)
    files="trainset.parquet injected-images.parquet leaked-images.parquet"
    [ "$(value rate)" = 0.0 ] && content="originals"
    ;;
  train) files="model.safetensors epochs.parquet" ;;
  evaluate) files="predictions.parquet" ;;
  gaussian) files="gaussian.parquet boundaries.parquet points.parquet" ;;
  report)
    files="index.html cells.parquet outcomes.parquet claims.parquet efficiency.parquet figures.parquet"
    content=$(grep -v train_cpu_seconds $inputs)
    ;;
esac
[ -n "$(value forget)" ] && files="$(value forget)"
for file in $files; do echo "$content" > "$out/$file"; done
echo "done"
