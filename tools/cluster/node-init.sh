#!/usr/bin/env bash
# Process 1 of one node of the local Kubernetes, in mount and process namespaces of its own (node.mjs starts it).
# When it ends, the kernel ends every container of the node and drops every mount of it: a stop leaves nothing behind.
# The network is the host's. usage: node-init.sh FOLDER IMAGE_TAR…, with containerd, ctr and kubelet on PATH
set -euo pipefail
folder=$1
shift
socket=$folder/containerd.sock

mount --make-rslave /
mount --make-rshared / # kubelet hands mounts on to containers; here that ends at this node
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/log
mkdir -p /var/log/pods /var/log/containers /run/kernel
mount --bind "$folder/kubelet" /var/lib/kubelet # two kubelets would fight over paths that are compiled in
mount --bind "$folder/logs" /var/log/pods
if [ -e "$folder/image-disk" ]; then
  mkdir -p "$folder/containerd"
  mount -t tmpfs -o "size=$(cat "$folder/image-disk"),mode=700" tmpfs "$folder/containerd"
fi
# kubelet sets these for the whole machine: here it writes into files that hold what the machine has.
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  [ -e "/proc/sys/$setting" ] || continue
  copy=/run/kernel/${setting//\//-}
  cat "/proc/sys/$setting" >"$copy"
  mount --bind "$copy" "/proc/sys/$setting"
done

asked_to_stop=
kubelet=
on_stop() {
  asked_to_stop=1
  [ -z "$kubelet" ] || kill "$kubelet" 2>/dev/null || true
}
trap on_stop TERM INT

containerd --config "$folder/containerd.toml" >>"$folder/containerd.log" 2>&1 &
containerd=$!
for ((attempt = 0; attempt < 600; attempt++)); do
  if ctr --address "$socket" version >/dev/null 2>&1; then break; fi
  if [ -n "$asked_to_stop" ] || ! kill -0 "$containerd" 2>/dev/null; then break; fi
  sleep 0.1
done
for image; do
  ctr --address "$socket" --namespace k8s.io images import --local "$image" || {
    echo "containerd does not answer; its log is $folder/containerd.log" >&2
    exit 1
  }
done

if [ -z "$asked_to_stop" ]; then
  mapfile -t args <"$folder/kubelet.args"
  kubelet "${args[@]}" >>"$folder/kubelet.log" 2>&1 &
  kubelet=$!
  wait -n "$kubelet" "$containerd" || true
  [ -n "$asked_to_stop" ] || echo "kubelet or containerd ended by itself; their logs are in $folder" >&2
  kill "$kubelet" 2>/dev/null || true
  wait "$kubelet" 2>/dev/null || true
fi
kill "$containerd" 2>/dev/null || true
wait "$containerd" 2>/dev/null || true
[ -n "$asked_to_stop" ]
