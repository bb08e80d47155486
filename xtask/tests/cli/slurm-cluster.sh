#!/bin/bash
# Starts a cluster of Slurm on this machine alone, runs a command on it, and stops it again.
#
#   slurm-cluster.sh FOLDER COMMAND…
#
# FOLDER takes its configuration, state and logs. Needs munged, slurmctld and slurmd (Debian: munge, slurmctld, slurmd, slurm-client).
# Nothing outside FOLDER is touched; a cluster that runs here already is left alone, as the ports are other ones.
set -euo pipefail
folder=$(realpath "$1")
shift
host=$(hostname -s)
port=$((20000 + $$ % 20000 * 2))
mkdir -p "$folder"/{state,spool,munge}
chmod 700 "$folder/munge"
export SLURM_CONF="$folder/slurm.conf"
cat > "$SLURM_CONF" <<CONF
ClusterName=twinset
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthInfo=socket=$folder/munge/socket,cred_expire=5
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
MailProg=/bin/true
KillWait=10
BatchStartTimeout=1
MinJobAge=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF

head -c 1024 /dev/urandom > "$folder/munge/key"
chmod 600 "$folder/munge/key"
stop() {
    scancel --user="$(id -un)" 2> /dev/null || true
    for daemon in slurmd slurmctld munge/munged; do
        # Asked first, for what they started; then made to.
        pid=$(cat "$folder/$daemon.pid" 2> /dev/null) || continue
        kill "$pid" 2> /dev/null || continue
        for _ in $(seq 50); do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2> /dev/null || true
    done
}
trap stop EXIT
munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/munged.pid" \
    --log-file="$folder/munge/munged.log" --seed-file="$folder/munge/seed"
slurmctld -c
slurmd -c
for _ in $(seq 100); do
    [ "$(sinfo --noheader --format=%t 2> /dev/null)" = idle ] && break
    sleep 0.2
done
[ "$(sinfo --noheader --format=%t)" = idle ] || { echo "the cluster did not come up; see $folder" >&2; exit 3; }
"$@"
