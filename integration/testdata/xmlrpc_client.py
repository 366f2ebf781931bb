# A client for XML-RPC over a UNIX socket or TCP, made of Python's own library.
import http.client, socket, sys, xmlrpc.client


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost')
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


class UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def make_connection(self, host):
        return UnixConnection(self.path)


def connect(where, **options):
    """where is the path of a socket, or an http URL."""
    if where.startswith('http'):
        return xmlrpc.client.ServerProxy(where + '/RPC2', **options)
    return xmlrpc.client.ServerProxy('http://localhost/RPC2', transport=UnixTransport(where), **options)


def http_connection(where):
    """The same, to speak HTTP by hand; a user and a password in where are left out."""
    if where.startswith('http'):
        return http.client.HTTPConnection(where.split('//')[1].split('@')[-1])
    return UnixConnection(where)
